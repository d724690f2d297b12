import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "@moraine/protocol";
import { PolicyError, parseIdentityPolicy, parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { owner, vault } from "./asking.ts";
import { document, statement } from "./writing.ts";

type Members = Record<string, unknown>;
const inVault = (members: Members) => document(statement({ Principal: "*", Resource: vault }, members));
const inIdentity = (members: Members) => document(statement({ Resource: "*" }, members));
const readVault = (text: string) => parseVaultPolicy(text, vault);

/** Each with what the reason must say, so that nothing is refused for another reason than the one that is tested. */
function assertRefused(parse: (text: string) => unknown, cases: Record<string, readonly [string, RegExp]>): void {
  for (const [what, [text, reason]] of Object.entries(cases)) {
    assert.throws(
      () => parse(text),
      (error) => error instanceof PolicyError && reason.test(error.message),
      `${what}: ${text.slice(0, 300)}`,
    );
  }
}

test("a document that is no policy is refused", () => {
  const whole = inVault({});
  assertRefused(readVault, {
    empty: ["", /not valid JSON/],
    "half a character": [inVault({ Sid: "x" }).replace('"x"', '"\ud800"'), /half a surrogate pair/],
    "a list": [`[${whole}]`, /must be a JSON object/],
    "no statement": ['{"Version":"2012-10-17"}', /must be an object/],
    "no statements": [document([]), /Statement is empty/],
    "a statement that is none": [document(["Deny"]), /must be an object/],
    "null for a statement": [document(null), /must be an object/],
    "an unknown field": [document([], { Versions: "2012-10-17" }), /unknown field: Versions/],
    "a misspelt case": [whole.replace("Version", "version"), /unknown field: version/],
    "another version": [whole.replace("2012-10-17", "2012-10-18"), /Version/],
    "null for a version": [document([], { Version: null }), /Version/],
    "a number for an Id": [document([], { Id: 1 }), /Id must be a string/],
    "a key twice": [whole.replace("{", '{"Statement":[],'), /stands twice: Statement/],
    "a key twice, escaped": [whole.replace('"Effect"', '"\\u0045ffect":"Deny","Effect"'), /stands twice: Effect/],
    __proto__: [whole.replace("{", '{"__proto__":{},'), /__proto__/],
    "deep nesting": [inVault({ Sid: JSON.parse(`${"[".repeat(40)}${"]".repeat(40)}`) }), /nested deeper/],
    "a Sid twice": [
      document([{}, {}].map(() => statement({ Principal: "*", Resource: vault }, { Sid: "x" }))),
      /same Sid/,
    ],
    "a byte too many": [whole + " ".repeat(limits.policySizeBytesMax + 1 - whole.length), /longer than 20480 bytes/],
    "as many characters, but more bytes": [inVault({ Sid: "é".repeat(limits.policySizeBytesMax - 300) }), /longer/],
  });
  readVault(whole + " ".repeat(limits.policySizeBytesMax - whole.length));
});

test("a statement that is not whole, or says more than we understand, is refused", () => {
  assertRefused(readVault, {
    "no Effect": [inVault({ Effect: undefined }), /Effect/],
    "another Effect": [inVault({ Effect: "deny" }), /Effect/],
    "an unknown field": [inVault({ Conditions: {} }), /unknown field: Conditions/],
    "no Principal": [inVault({ Principal: undefined }), /either Principal or NotPrincipal/],
    "no Action": [inVault({ Action: undefined }), /either Action or NotAction/],
    "no Resource": [inVault({ Resource: undefined }), /either Resource or NotResource/],
    "Action and NotAction": [
      document({ ...statement({ Principal: "*", Resource: vault }, {}), NotAction: "*" }),
      /either Action or NotAction/,
    ],
    "an empty list": [inVault({ Action: [] }), /Action is empty/],
    "an empty action": [inVault({ Action: "" }), /no such action/],
    "a number for an action": [inVault({ Action: 1 }), /must be a string/],
    "a list in a list": [inVault({ Action: [["*"]] }), /must be a string/],
    "a number for a Sid": [inVault({ Sid: 1 }), /Sid must be a string/],
  });
});

test("an action that no operation has is refused, and in a vault's Deny one that vaults have no say in", () => {
  assertRefused(readVault, {
    "another service": [inVault({ Action: "s3:*" }), /no such action here: s3/],
    "the admin API": [inVault({ Action: "moraine:CreateUser" }), /no such action/],
    "a misspelt one": [inVault({ Action: ["*", "glacier:DeleteArchives"] }), /DeleteArchives/],
    "a pattern of none": [inVault({ Action: "glacier:*Bucket*" }), /no such action/],
    "no service": [inVault({ Action: "DeleteArchive" }), /no such action/],
    "a misspelt NotAction": [inVault({ NotAction: "glacier:Foo" }), /no such action/],
    "a Deny of the account's operations": [inVault({ Effect: "Deny", Action: "glacier:ListVaults" }), /no such action/],
    "a Deny of the lock's": [inVault({ Effect: "Deny", Action: "glacier:Abort*Lock" }), /no such action/],
  });
  readVault(inVault({ Action: ["GLACIER:deletearchive", "glacier:ListVaults", "glacier:Delete*", "*"] }));
  assertRefused(parseIdentityPolicy, {
    "another service": [inIdentity({ Action: "iam:*" }), /no such action/],
    "a name that is none": [inIdentity({ Action: "moraine:Create-User" }), /no such action/],
    "a misspelt one of the admin API": [inIdentity({ Effect: "Deny", Action: "moraine:DeletUser" }), /DeletUser/],
    "no name": [inIdentity({ Action: "moraine:" }), /no such action/],
  });
  parseIdentityPolicy(inIdentity({ Action: ["moraine:*", "Moraine:CreateUser", "glacier:ListVaults", "*:*"] }));
});

test("a principal that is none here, or that a part of a name stands for, is refused", () => {
  for (const Principal of [
    "**",
    owner,
    `arn:aws:iam::${owner}:root`,
    ["*"],
    null,
    {},
    { AWS: [] },
    { AWS: "" },
    { AWS: "12345678901" },
    { AWS: 123456789012 },
    { AWS: `arn:aws:iam::${owner}:*` },
    { AWS: `arn:aws:iam::${owner}:user/*` },
    { AWS: `arn:aws:iam::${owner}:user/team/bob` },
    { AWS: `arn:aws:iam::${owner}:user/` },
    { AWS: `arn:aws:iam::${owner}:group/team` },
    { AWS: `arn:aws:iam::*:root` },
    { AWS: `arn:aws:s3::${owner}:root` },
    { AWS: "*", Service: "backup.amazonaws.com" },
    { Service: "backup.amazonaws.com" },
    { Federated: "*" },
    { aws: "*" },
  ]) {
    assertRefused(readVault, {
      Principal: [inVault({ Principal }), /rincipal/],
      NotPrincipal: [inVault({ Effect: "Deny", NotPrincipal: Principal }), /rincipal/],
    });
  }
  assertRefused(readVault, {
    "NotPrincipal with Allow": [inVault({ NotPrincipal: { AWS: owner } }), /cannot be used with Allow/],
    "NotPrincipal of everyone": [inVault({ Effect: "Deny", NotPrincipal: { AWS: ["*"] } }), /names everyone/],
    "Principal and NotPrincipal": [
      document({ ...statement({ Principal: "*", Resource: vault }, {}), NotPrincipal: "*" }),
      /either Principal or NotPrincipal/,
    ],
  });
  assertRefused(parseIdentityPolicy, {
    Principal: [inIdentity({ Principal: "*" }), /names no principal/],
    NotPrincipal: [inIdentity({ Effect: "Deny", NotPrincipal: "*" }), /names no principal/],
  });
});

test("a resource that is no ARN, or in a vault's policy not the vault's, is refused", () => {
  const foreign = /does not name the vault/;
  assertRefused(readVault, {
    "another vault": [inVault({ Resource: [vault, vault.replace("photos", "films")] }), foreign],
    "another region": [inVault({ Resource: vault.replace("us-west-2", "eu-west-1") }), foreign],
    "another account": [inVault({ Resource: vault.replace(owner, "210987654321") }), foreign],
    "another case": [inVault({ Resource: vault.toUpperCase().replace("ARN:AWS:GLACIER", "arn:aws:glacier") }), foreign],
    "something in the vault": [inVault({ Resource: `${vault}/archives/*` }), foreign],
    "a wildcard elsewhere": [inVault({ Resource: vault.replace("photos", "films*") }), foreign],
    "a run over colons in the middle of a name": [inVault({ Resource: "arn:aws:glacier:u*s/photos" }), /not an ARN/],
    "an excluded vault": [inVault({ NotResource: vault }), /NotResource names/],
    "everything excluded": [inVault({ NotResource: ["arn:aws:glacier:*", "*"] }), /NotResource names/],
    "no ARN": [inVault({ Resource: "photos" }), /not an ARN/],
    empty: [inVault({ Resource: "" }), /not an ARN/],
  });
  readVault(inVault({ Resource: ["*", "arn:aws:glacier:*", vault.replace("photos", "ph*"), vault] }));
  readVault(inVault({ Resource: vault.replace("photos", `\${aws:username}`) }));
  readVault(inVault({ NotResource: vault.replace("photos", `\${aws:username, 'photos'}`) }));
  assertRefused(parseIdentityPolicy, {
    "another service": [inIdentity({ Resource: "arn:aws:s3:::bucket" }), /no such resource/],
    "another partition": [inIdentity({ Resource: "arn:awz:glacier:*" }), /no such resource/],
    "too short": [inIdentity({ Resource: "arn:aws:glacier" }), /not an ARN/],
  });
});

test("a condition that cannot be understood is refused", () => {
  const when = (operator: string, values: unknown) => inVault({ Effect: "Deny", Condition: { [operator]: values } });
  const age = "glacier:ArchiveAgeInDays";
  const cases: Record<string, readonly [string, RegExp]> = {
    "no object": [inVault({ Condition: [] }), /Condition must be an object/],
    "an operator without keys": [when("Bool", {}), /Bool is empty/],
    "a key without values": [when("Bool", { "aws:SecureTransport": [] }), /is empty/],
    "a key twice, in another case": [when("StringEquals", { "aws:username": "a", "aws:UserName": "b" }), /key twice/],
    "an object for a value": [when("StringEquals", { "aws:username": {} }), /condition values/],
    "null for a value": [when("StringEquals", { "aws:username": null }), /condition values/],
    "a list in a list": [when("StringEquals", { "aws:username": [["a"]] }), /condition values/],
    "a tag without a key": [when("StringEquals", { "glacier:ResourceTag/": "a" }), /unknown condition key/],
    "a tag's placeholder": [when("StringEquals", { [`glacier:ResourceTag/\${TagKey}`]: "a" }), /unknown condition key/],
    "Null of something else": [when("Null", { [age]: "yes" }), /Null takes/],
    "an unknown variable": [
      when("StringEquals", { "aws:username": `\${aws:user}` }),
      /unknown condition key: aws:user/,
    ],
    "a variable without end": [when("StringEquals", { "aws:username": `a\${aws:username` }), /not a policy variable/],
    "an empty variable": [when("StringEquals", { "aws:username": `\${}` }), /not a policy variable/],
    "a default without quotes": [when("StringEquals", { "aws:username": `\${aws:username, x}` }), /not a policy var/],
  };
  for (const operator of ["StringEqual", "stringequals", "NumericLike", "BoolNot", "BinaryNotEquals", "IfExists", ""]) {
    cases[`the operator ${operator}`] = [when(operator, { "aws:username": "a" }), /unknown condition operator/];
  }
  for (const operator of ["NullIfExists", "ForAnyValue:Null", "ForAllValue:Bool", "ForAnyValue:ForAnyValue:Bool"]) {
    cases[`the operator ${operator}`] = [
      when(operator, { "aws:SecureTransport": "true" }),
      /unknown condition operator/,
    ];
  }
  for (const key of ["glacier:ArchiveAgeInDay", "aws:SourceVpc", "aws:RequestTag/x", "s3:prefix", "username", ""]) {
    cases[`the key ${key}`] = [when("StringEquals", { [key]: "a" }), /unknown condition key/];
  }
  for (const [operator, key] of [
    ["NumericLessThan", "aws:SourceIp"],
    ["DateLessThan", age],
    ["Bool", age],
    ["IpAddress", "aws:PrincipalArn"],
    ["ArnLike", "aws:username"],
    ["BinaryEquals", "aws:userid"],
    ["NumericEquals", "aws:CurrentTime"],
  ] as const) {
    cases[`${operator} of ${key}`] = [when(operator, { [key]: "1" }), /cannot compare/];
  }
  assertRefused(readVault, cases);
});
