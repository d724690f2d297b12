import assert from "node:assert/strict";
import { test } from "node:test";
import { parseIdentityPolicy } from "../../../src/domain/policy/parse.ts";
import { asked, owner, user, vault } from "./asking.ts";
import { identityPolicy } from "./writing.ts";

const bob = user(owner, "bob");

function allows(members: Record<string, unknown>, question: { action?: string; on?: string } = {}): boolean {
  const context = { "aws:username": "bob", "aws:useragent": "*", "glacier:resourcetag/team": ["a", "b"] };
  return asked({ principal: bob, identity: [identityPolicy(members)], context, ...question }).allowed;
}

test("actions are compared without case, and with wildcards", () => {
  for (const [Action, action, expected] of [
    ["glacier:DeleteArchive", "glacier:DeleteArchive", true],
    ["GLACIER:deletearchive", "glacier:DeleteArchive", true],
    ["glacier:Delete*", "glacier:DeleteVault", true],
    ["glacier:Delete*", "glacier:DescribeVault", false],
    ["glacier:?eleteVault", "glacier:DeleteVault", true],
    ["glacier:*Vault", "glacier:DeleteVaultAccessPolicy", false],
    ["*", "moraine:CreateUser", true],
    ["glacier:*", "moraine:CreateUser", false],
    ["moraine:Create*", "moraine:CreateUser", true],
    ["moraine:Create*", "moraine:DeleteUser", false],
  ] as const) {
    assert.equal(allows({ Action }, { action }), expected, `${Action} of ${action}`);
    assert.equal(allows({ NotAction: Action }, { action }), !expected, `not ${Action} of ${action}`);
  }
});

test("resources are compared component by component, and a * at the end of one may continue", () => {
  for (const [Resource, on, expected] of [
    [vault, vault, true],
    [vault, `${vault}x`, false],
    [vault.replace("photos", "PHOTOS"), vault, false],
    [vault.replace("photos", "*"), vault, true],
    [vault.replace("photos", "ph*s"), vault, true],
    [vault.replace("photos", "photo?"), vault, true],
    [vault.replace("photos", "photos?"), vault, false],
    ["*", vault, true],
    ["*", "*", true],
    ["**", "*", true],
    [vault, "*", false],
    ["arn:aws:glacier:*", "*", false],
    ["arn:*", vault, true],
    ["arn:aws:glacier:*", vault, true],
    ["arn:aws:glacier:us-west-2:*", vault, true],
    ["arn:aws:glacier:us-*", vault, true],
    ["arn:aws:glacier:eu-*", vault, false],
    ["arn:aws:glacier:*:vaults/photos", vault, true],
    ["arn:*:vaults/*", vault, true],
    ["arn:*:us-west-2:*:vaults/photos", vault, true],
    ["arn:*:us-west-1:*:vaults/photos", vault, false],
    ["arn:aws:glacier:us*2:*:vaults/photos", vault, true],
    ["arn:aws:glacier:us*:vaults/photos", vault, true],
    ["arn:aws:glacier:us-west-2:*2:*", vault, true],
    ["arn:aws:glacier:*:*:vaults/phot*", vault, true],
    ["arn:aws:glacier:*:*:vaults", vault, false],
    [`arn:aws:iam::${owner}:user/*`, `arn:aws:iam::${owner}:user/eve`, true],
  ] as const) {
    assert.equal(allows({ Resource }, { on }), expected, `${Resource} of ${on}`);
    assert.equal(allows({ NotResource: Resource }, { on }), !expected, `not ${Resource} of ${on}`);
  }
});

test("variables stand for the request's values in resources, and without a value for nothing", () => {
  const vaultOf = (name: string) => vault.replace("photos", name);
  for (const [name, vaultName, expected] of [
    [`\${aws:username}`, "bob", true],
    [`\${AWS:UserName}`, "bob", true],
    [`\${ aws:username }`, "bob", true],
    [`\${aws:username}-*`, "bob-1", true],
    [`\${aws:username}`, "eve", false],
    [`\${aws:username, 'eve'}`, "bob", true],
    [`\${aws:username, 'eve'}`, "eve", false],
    [`\${aws:userid, 'eve'}`, "eve", true],
    [`\${aws:userid,'e*'}`, "eve", false],
    [`\${aws:userid}`, "", false],
    [`\${aws:useragent}`, "bob", false],
    [`\${glacier:ResourceTag/team}`, "a", false],
    [`\${glacier:ResourceTag/team, 'a'}`, "a", false],
    [`\${*}`, "bob", false],
    ["$bob", "$bob", true],
    ["{bob}", "{bob}", true],
  ] as const) {
    const [Resource, on] = [vaultOf(name), vaultOf(vaultName)];
    assert.equal(allows({ Resource }, { on }), expected, `${name} of ${vaultName}`);
    assert.equal(allows({ NotResource: Resource }, { on }), !expected, `not ${name} of ${vaultName}`);
  }
});

test("a variable without a value is equal to nothing, so only negated operators hold", () => {
  for (const [operator, expected] of [
    ["StringEquals", false],
    ["StringLike", false],
    ["StringNotEquals", true],
    ["StringNotLike", true],
    ["StringEqualsIgnoreCase", false],
  ] as const) {
    assert.equal(allows({ Condition: { [operator]: { "aws:username": `\${aws:userid}` } } }), expected, operator);
  }
  assert.equal(allows({ Condition: { StringEqualsIgnoreCase: { "aws:username": `B\${aws:userid, 'OB'}` } } }), true);
  assert.equal(allows({ Condition: { ArnNotLike: { "aws:PrincipalArn": `arn:*:*:*:*:\${aws:userid}` } } }), true);
});

test("before 2012 a variable is a text like any other", () => {
  const statement = { Effect: "Allow", Action: "*", Resource: vault.replace("photos", `\${aws:username}`) };
  for (const [version, name, expected] of [
    [{ Version: "2012-10-17" }, "bob", true],
    [{ Version: "2008-10-17" }, "bob", false],
    [{}, "bob", false],
    [{}, `\${aws:username}`, true],
  ] as const) {
    const identity = [parseIdentityPolicy(JSON.stringify({ ...version, Statement: statement }))];
    const context = { "aws:username": "bob" };
    assert.equal(asked({ principal: bob, identity, context, on: vault.replace("photos", name) }).allowed, expected);
  }
});

test("a value is compared by its first 1,024 characters", () => {
  const said = (wanted: string, value: string) =>
    asked({
      principal: bob,
      identity: [identityPolicy({ Condition: { StringLike: { "aws:UserAgent": wanted } } })],
      context: { "aws:useragent": value },
    }).allowed;
  assert.equal(said("*b", `${"a".repeat(1023)}b`), true);
  assert.equal(said("*b", `${"a".repeat(1024)}b`), false);
  assert.equal(said("*a", `${"a".repeat(1024)}b`), true);
});
