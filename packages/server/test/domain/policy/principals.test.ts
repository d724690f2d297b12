import assert from "node:assert/strict";
import { test } from "node:test";
import { principalArn } from "../../../src/domain/policy/evaluate.ts";
import { asked, owner, root, stranger, user } from "./asking.ts";
import { identityPolicy, vaultPolicy } from "./writing.ts";

const bob = user(owner, "bob");
const eve = user(stranger, "eve");
const everything = identityPolicy({});
const arn = principalArn;

test("a principal has an ARN, in the partition asked for", () => {
  assert.equal(arn(root(owner)), "arn:aws:iam::123456789012:root");
  assert.equal(arn(bob, "aws-cn"), "arn:aws-cn:iam::123456789012:user/bob");
});

test("without policies the owner's root may, and nobody else", () => {
  assert.deepEqual(asked({ principal: root(owner) }), {
    allowed: true,
    reason: "owner-root",
    source: null,
    matched: [],
  });
  for (const [principal, source] of [
    [bob, "identity"],
    [eve, "resource"],
    [root(stranger), "resource"],
  ] as const) {
    assert.deepEqual(asked({ principal }), { allowed: false, reason: "implicit-deny", source, matched: [] });
  }
});

test("within the account one Allow is enough, on either side", () => {
  const byUser = vaultPolicy({ Principal: { AWS: arn(bob) } });
  assert.equal(asked({ principal: bob, identity: [everything] }).source, "identity");
  assert.equal(asked({ principal: bob, resource: [byUser] }).source, "resource");
  assert.equal(asked({ principal: bob, resource: [vaultPolicy({})] }).source, "resource");
  assert.equal(asked({ principal: user(owner, "carol"), resource: [byUser] }).allowed, false);
  assert.equal(asked({ principal: user(owner, "Bob"), resource: [byUser] }).allowed, false);
  assert.equal(asked({ principal: user(stranger, "bob"), resource: [byUser], identity: [everything] }).allowed, false);
});

test("the owner's own account as principal leaves its users to their identity policies", () => {
  for (const AWS of [owner, arn(root(owner)), [owner]]) {
    const delegating = vaultPolicy({ Principal: { AWS } });
    assert.deepEqual(asked({ principal: bob, resource: [delegating] }).matched, []);
    assert.equal(asked({ principal: bob, resource: [delegating] }).allowed, false);
    assert.equal(asked({ principal: bob, resource: [delegating], identity: [everything] }).source, "identity");
    assert.equal(asked({ principal: root(owner), resource: [delegating] }).reason, "owner-root");
  }
});

test("across accounts a user needs both sides, and the other account's root only the vault's", () => {
  for (const AWS of [stranger, arn(root(stranger)), arn(eve), "*", [arn(eve), owner]]) {
    const resource = [vaultPolicy({ Principal: { AWS } })];
    assert.equal(asked({ principal: eve, resource, identity: [everything] }).reason, "allow");
    assert.deepEqual(
      { ...asked({ principal: eve, resource }), matched: 0 },
      {
        allowed: false,
        reason: "implicit-deny",
        source: "identity",
        matched: 0,
      },
    );
    const namesAccount = AWS !== arn(eve) && !Array.isArray(AWS);
    assert.equal(asked({ principal: root(stranger), resource }).allowed, namesAccount);
  }
  assert.equal(asked({ principal: eve, identity: [everything] }).source, "resource");
});

test("an account denied is denied with everyone in it", () => {
  for (const AWS of [owner, arn(root(owner))]) {
    const resource = [vaultPolicy({ Effect: "Deny", Principal: { AWS } })];
    for (const principal of [root(owner), bob]) {
      assert.equal(asked({ principal, resource, identity: [everything] }).reason, "explicit-deny");
    }
    assert.equal(asked({ principal: eve, resource, identity: [everything] }).reason, "implicit-deny");
  }
});

test("NotPrincipal spares exactly whom it names", () => {
  const spared = (AWS: string | string[]) =>
    [root(owner), bob, eve].filter(
      (principal) =>
        asked({ principal, resource: [vaultPolicy({ Effect: "Deny", NotPrincipal: { AWS } })] }).reason !==
        "explicit-deny",
    );
  assert.deepEqual(spared(arn(bob)), [bob]);
  assert.deepEqual(spared([arn(bob), arn(root(owner))]), [root(owner), bob]);
  assert.deepEqual(spared(owner), [root(owner)]);
  assert.deepEqual(spared(stranger), []);
  assert.deepEqual(spared(`arn:aws:iam::${owner}:role/bob`), []);
});

test("a role is nobody here, so an Allow for one allows no one", () => {
  for (const AWS of [`arn:aws:iam::${owner}:role/x/bob`, `arn:aws:sts::${owner}:assumed-role/bob/bob`]) {
    assert.equal(asked({ principal: bob, resource: [vaultPolicy({ Principal: { AWS } })] }).allowed, false);
  }
});

test("a Deny wins wherever it stands, over every Allow, and over the owner's root", () => {
  const deny = { Effect: "Deny", Action: "glacier:DescribeVault" };
  for (const principal of [root(owner), bob, eve]) {
    assert.deepEqual(
      [
        asked({ principal, identity: [everything, identityPolicy({}, deny)], resource: [vaultPolicy({})] }),
        asked({ principal, identity: [everything], resource: [vaultPolicy({}), vaultPolicy({}, deny)] }),
        asked({ principal, identity: [identityPolicy(deny)], resource: [vaultPolicy(deny, {})] }),
      ].map(({ allowed, reason, source }) => ({ allowed, reason, source })),
      ["identity", "resource", "identity"].map((source) => ({ allowed: false, reason: "explicit-deny", source })),
    );
  }
});

test("a decision names every statement that applies", () => {
  const decision = asked({
    principal: bob,
    identity: [identityPolicy({ Sid: "read" }, { Sid: "write", Action: "glacier:Delete*" }, { Effect: "Deny" })],
    resource: [vaultPolicy({ Sid: "" })],
  });
  assert.deepEqual(decision.matched, [
    { source: "identity", policy: "policy-0", sid: "read", index: 0, effect: "Allow" },
    { source: "identity", policy: "policy-0", sid: null, index: 2, effect: "Deny" },
    { source: "resource", policy: "policy-0", sid: "", index: 0, effect: "Allow" },
  ]);
});
