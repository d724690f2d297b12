import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "@moraine/protocol";
import { assertNewIdentityPolicy, assertNewVaultPolicy } from "../../../src/domain/policy/new-policy.ts";
import { PolicyError, parseIdentityPolicy, parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { asked, owner, root, user, vault } from "./asking.ts";
import { document, statement } from "./writing.ts";

/** As long as a policy may be, filled up with what one item is made of. */
function filled(build: (items: readonly string[]) => string, item: (index: number) => string): string {
  const items: string[] = [];
  for (let room = limits.policySizeBytesMax - build([]).length; ; ) {
    const next = item(items.length);
    room -= JSON.stringify(next).length + 1;
    if (room < 0) return build(items);
    items.push(next);
  }
}

const header = "a".repeat(16_000);
const inCondition = (operator: string, key: string) => (values: readonly string[]) =>
  document(statement({ Resource: "*" }, { Effect: "Deny", Condition: { [operator]: { [key]: values } } }));
const inMember = (name: string) => (values: readonly string[]) =>
  document(statement({ Resource: "*" }, { [name]: values, Effect: "Deny" }));
const run = (count: number, part: string) => part.repeat(count);

test("no policy of 20 KB takes longer than a moment to read, or to ask, whatever the request says", (t) => {
  const policies: Record<string, string> = {
    "many runs": filled(inCondition("StringLike", "aws:UserAgent"), () => `${run(400, "*a")}b`),
    "one long pattern": inCondition("StringLike", "aws:UserAgent")([`*${run(9000, "a")}b`]),
    "half a header's length": filled(inCondition("StringLike", "aws:UserAgent"), () => `*${run(512, "a")}b`),
    "many ?": filled(inCondition("StringLike", "aws:UserAgent"), () => `${run(200, "*?a")}b`),
    "only runs": filled(inCondition("StringNotLike", "aws:UserAgent"), () => run(1000, "*")),
    "one variable, many times": filled(inCondition("StringLike", "aws:UserAgent"), () => run(50, `*\${aws:UserAgent}`)),
    "many variables": inCondition("StringLike", "aws:username")([run(1200, `\${aws:UserAgent}`)]),
    "many escapes": inCondition("StringLike", "aws:username")([run(5000, `\${$}`)]),
    "many values": filled(inCondition("StringEquals", "aws:username"), String),
    "many networks": filled(inCondition("IpAddress", "aws:SourceIp"), (index) => `::${(index % 9999) + 1}/127`),
    "many ARNs": filled(inCondition("ArnLike", "aws:PrincipalArn"), () => `*:*:*:*:*:${run(20, "*u")}`),
    "many actions": filled(inMember("Action"), (index) => `*${run((index % 3) + 1, "*e")}*`),
    "many readings": filled(inMember("Resource"), () => "a*:a*:g*"),
    "long readings": filled(inMember("Resource"), () => `a*:a*:g*:${run(100, "*u")}*:${run(100, "*v")}`),
    "many statements": filled(
      (items) => document(items.map(() => statement({ Resource: "*" }, { Effect: "Deny", NotAction: "*" }))),
      () => "x".repeat(72),
    ),
  };
  for (const [what, text] of Object.entries(policies)) {
    const startedAt = performance.now();
    const policy = parseIdentityPolicy(text);
    const readAt = performance.now();
    asked({
      identity: [policy],
      principal: user(owner, "bob"),
      context: {
        "aws:useragent": header,
        "aws:username": "bob",
        "aws:sourceip": "::1",
        "aws:principalarn": `arn:aws:iam::${owner}:${run(60, "u")}`,
      },
    });
    const askedAt = performance.now();
    t.diagnostic(
      `${what}: ${text.length} bytes, ${(readAt - startedAt).toFixed(1)} ms, ${(askedAt - readAt).toFixed(1)} ms`,
    );
    assert.ok(askedAt - startedAt < 3000, what);
  }
});

test("policies that are written to be slow deny, after a moment, however many they are and whatever is simulated", (t) => {
  const slow = inCondition("StringNotLike", "aws:UserAgent")(Array<string>(600).fill(`*\${glacier:ResourceTag/a}x`));
  const manyTests = inCondition(
    "DateLessThan",
    "glacier:ResourceTag/many",
  )(Array.from({ length: 1400 }, (_, index) => `20${10 + (index % 80)}-01-01`));
  const context = {
    "aws:useragent": run(1024, "a"),
    "glacier:resourcetag/a": run(255, "a"),
    "glacier:resourcetag/many": Array<string>(100_000).fill("2100-01-01T00:00:00Z"),
  };
  for (const text of [slow, manyTests]) {
    const identity = Array.from({ length: 20 }, () => parseIdentityPolicy(text));
    const resource = [parseVaultPolicy(text.replace('"Resource":', '"Principal":"*","Resource":'), vault)];
    for (const [policies, source] of [
      [{ identity }, "identity"],
      [{ resource }, "resource"],
    ] as const) {
      const startedAt = performance.now();
      const decision = asked({ ...policies, principal: root(owner), context });
      t.diagnostic(`${source}: ${(performance.now() - startedAt).toFixed(1)} ms`);
      assert.deepEqual(decision, { allowed: false, reason: "explicit-deny", source, matched: [], isTooCostly: true });
      assert.ok(performance.now() - startedAt < 1000);
    }
  }
});

const names = filled(inMember("Resource"), (index) => `arn:aws:glacier:us-west-2:${owner}:vaults/photos-of-${index}`);
const networks = filled(inCondition("NotIpAddress", "aws:SourceIp"), (index) => `198.51.${index % 256}.0/24`);
const agents = (count: number) =>
  inCondition("StringLike", "aws:UserAgent")(Array.from({ length: count }, (_, index) => `*aws-sdk-js/3.${index}*`));
const tags = (count: number) =>
  inCondition("StringLike", "glacier:ResourceTag/a")(Array.from({ length: count }, (_, index) => `*team-${index}*`));

test("policies that are accepted are judged in full, as many as a user may have, whatever the request says", () => {
  for (const documents of [
    [names, networks, names],
    [...Array<string>(19).fill(agents(18)), names, networks],
    Array<string>(20).fill(tags(70)),
  ]) {
    documents.forEach(assertNewIdentityPolicy);
    const context = {
      "aws:useragent": "aws-sdk-js/3.".repeat(90),
      "aws:sourceip": "198.51.9.1",
      "glacier:resourcetag/a": "team-".repeat(51),
    };
    const on = vault.replace("photos", "photos-of-".repeat(25));
    const decision = asked({ identity: documents.map(parseIdentityPolicy), context, on });
    assert.equal(decision.reason, "owner-root");
  }
});

test("policies that some request makes costly are refused when they are put", () => {
  const costly = {
    "many agents": agents(700),
    "many ? between runs": inCondition("StringLike", "aws:UserAgent")(Array<string>(40).fill(`*${run(200, "?a")}b*`)),
    "many variables": inCondition("StringLike", "aws:UserAgent")(Array<string>(700).fill(`*\${aws:UserAgent}x`)),
    "many tags": tags(1000),
  };
  for (const [what, text] of Object.entries(costly)) {
    assert.throws(() => assertNewIdentityPolicy(text), /^PolicyError: the policy is too costly to evaluate: /, what);
    const vaultText = text.replace('"Resource":', '"Principal":"*","Resource":');
    assert.throws(() => assertNewVaultPolicy(vaultText, vault), { name: "PolicyError" }, what);
    assert.ok(parseVaultPolicy(vaultText, vault), "what was stored earlier can be read");
  }
});

test("characters that hide what a policy says are refused when it is put", () => {
  for (const character of ["\u0007", "\u007f", "\u009b", "\u202e", "\u2066", "\u200f", "\u061c", "\u2028"]) {
    const named = document(statement({ Resource: "*" }, { Sid: `a${character}b` }));
    const tagged = inCondition("StringEquals", "glacier:ResourceTag/a")([character]);
    for (const text of [
      named,
      tagged,
      named.replaceAll(character, `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`),
    ]) {
      assert.throws(() => assertNewIdentityPolicy(text), {
        name: "PolicyError",
        message: /invisible character U\+[0-9A-F]{4}$/,
      });
      assert.ok(parseIdentityPolicy(text), "what was stored earlier can be read");
    }
  }
  assertNewIdentityPolicy(document(statement({ Resource: "*" }, { Sid: "Fotos für Ærø, 写真, صور" })));
});

test("nesting, megabytes and half a document are refused at once", () => {
  for (const text of [
    `{"Statement":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    `{"Statement":${'{"Condition":'.repeat(1000)}`,
    `{"Statement":"${"x".repeat(10_000_000)}"}`,
    `{"a":${'"\\"'.repeat(5000)}`,
    "\u0000",
    "\ud800",
  ]) {
    const startedAt = performance.now();
    assert.throws(() => parseVaultPolicy(text, vault), PolicyError);
    assert.ok(performance.now() - startedAt < 2000);
  }
});

test("names that objects come with mean nothing", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf"]) {
    for (const members of [
      { [name]: "x" },
      { Condition: { [name]: { "aws:username": "x" } } },
      { Condition: { StringEquals: { [name]: "x" } } },
      { Condition: { StringEquals: { "aws:username": `\${${name}}` } } },
      { Action: name },
    ]) {
      assert.throws(() => parseIdentityPolicy(document(statement({ Resource: "*" }, members))), PolicyError);
    }
  }
  assert.equal(asked({ principal: root(owner), action: "constructor", on: "toString" }).reason, "owner-root");
});
