import assert from "node:assert/strict";
import { test } from "node:test";
import { PolicyError } from "../../../src/domain/policy/parse.ts";
import { asked, owner, user } from "./asking.ts";
import { identityPolicy } from "./writing.ts";

type Wanted = string | number | boolean | readonly (string | number | boolean)[];
type Row = readonly [wanted: Wanted, matching: readonly string[], others: readonly string[]];
const age = "glacier:ArchiveAgeInDays";
const tag = "glacier:ResourceTag/Note";

/** Whether a statement with this one condition applies; absent when the request has no such key. */
function holds(operator: string, key: string, wanted: Wanted, value?: string | readonly string[]): boolean {
  const policy = identityPolicy({ Condition: { [operator]: { [key]: wanted } } });
  const context = value === undefined ? {} : { [key.toLowerCase()]: value };
  return asked({ principal: user(owner, "bob"), identity: [policy], context }).allowed;
}

/** Each row for the operator, and turned round for its negated twin. */
function table(operator: string, negated: string | null, key: string, rows: readonly Row[]): void {
  const cases = rows.flatMap(([wanted, matching, others]) => [
    ...matching.map((value) => ({ wanted, value, expected: true })),
    ...others.map((value) => ({ wanted, value, expected: false })),
  ]);
  const [{ wanted: anything } = { wanted: "" }] = cases;

  test(`${operator} holds as IAM documents`, () => {
    for (const { wanted, value, expected } of cases) {
      assert.equal(holds(operator, key, wanted, value), expected, `${JSON.stringify(wanted)} of ${value}`);
    }
    assert.equal(holds(operator, key, anything, undefined), false, "absent");
    assert.equal(holds(`${operator}IfExists`, key, anything, undefined), true, "absent, IfExists");
  });

  if (negated === null) return;
  test(`${negated} holds where ${operator} does not`, () => {
    for (const { wanted, value, expected } of cases) {
      assert.equal(holds(negated, key, wanted, value), !expected, `${JSON.stringify(wanted)} of ${value}`);
    }
    assert.equal(holds(negated, key, anything, undefined), true, "absent");
    assert.equal(holds(`${negated}IfExists`, key, anything, undefined), true, "absent, IfExists");
  });
}

table("StringEquals", "StringNotEquals", tag, [
  ["true", ["true"], ["True", "true ", "", "tru", "*"]],
  ["tr*", ["tr*"], ["true"]],
  ["", [""], [" ", "a"]],
  [
    ["a", "b"],
    ["a", "b"],
    ["ab", "c"],
  ],
  [true, ["true"], ["True", "1"]],
  [365, ["365"], ["365.0"]],
  ["é😀", ["é😀"], ["e\u0301😀"]],
]);
table("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", tag, [
  ["True", ["true", "TRUE", "tRuE"], ["true ", ""]],
  ["É", ["é"], ["e"]],
]);
table("StringLike", "StringNotLike", tag, [
  [
    ["true", ""],
    ["true", ""],
    ["false", "True", " "],
  ],
  ["*", ["", "a", "a:b/c", "😀"], []],
  ["a*c", ["ac", "abc", "abcc", "a😀c"], ["a", "abcd", "Ac"]],
  ["a?c", ["abc", "a😀c", "a*c"], ["ac", "abbc"]],
  ["*a*b*", ["ab", "xaxbx", "aab"], ["ba", "a", ""]],
  ["*ab", ["ab", "aab", "abab"], ["aba", "b"]],
  ["??", ["ab", "😀a"], ["😀", "a", "abc"]],
  ["[a-z].+", ["[a-z].+"], ["b.x"]],
  [`\${*}`, ["*"], ["a", ""]],
  [`a\${?}\${$}`, ["a?$"], ["ab$"]],
]);
const numberRows: Readonly<Record<string, readonly Row[]>> = {
  NumericEquals: [
    ["365", ["365", "365.0", "+365", "0365"], ["364", "365.5", "36", "x", ""]],
    [36.5, ["36.5", "36.50"], ["36", "365"]],
  ],
  NumericLessThan: [["365", ["364", "9", "-1", "364.999"], ["365", "366", "1000", "x"]]],
  NumericLessThanEquals: [[365, ["9", "365"], ["365.1", "1000", "x"]]],
  NumericGreaterThan: [["365", ["366", "1000", "365.1"], ["365", "9", "x"]]],
  NumericGreaterThanEquals: [
    ["9", ["9", "10", "100"], ["8", "-10", ""]],
    [["500", "100"], ["100", "600"], ["99"]],
  ],
};
for (const [operator, rows] of Object.entries(numberRows)) {
  table(operator, operator === "NumericEquals" ? "NumericNotEquals" : null, age, rows);
}
const noon = ["2026-01-02T12:00:00Z", "2026-01-02T12:00:00.000Z", "2026-01-02T13:00:00+01:00", "1767355200"];
const dateRows: Readonly<Record<string, readonly Row[]>> = {
  DateEquals: [
    ["2026-01-02T12:00:00Z", noon, ["2026-01-02T12:00:00.001Z", "2026-01-02", "noon", ""]],
    [1767355200, noon, ["1767355201"]],
    ["2026-01-02T12:00Z", noon, []],
    ["2026-01", ["2026-01-01T00:00:00Z"], ["2026-01-02"]],
  ],
  DateLessThan: [["2026-01-02T12:00:00Z", ["2026-01-02T11:59:59.999Z", "2026-01-02", "0"], noon]],
  DateLessThanEquals: [["2026-01-02T12:00:00Z", ["2026-01-02", ...noon], ["2026-01-02T12:00:00.001Z", "x"]]],
  DateGreaterThan: [["2026-01-02T12:00:00Z", ["2026-01-02T12:00:00.001Z", "1767355201"], [...noon, "x"]]],
  DateGreaterThanEquals: [["2026-01-02T13:00:00+01:00", [...noon, "2027-01-01"], ["2026-01-02", "x"]]],
};
for (const [operator, rows] of Object.entries(dateRows)) {
  table(operator, operator === "DateEquals" ? "DateNotEquals" : null, "aws:CurrentTime", rows);
}
table("Bool", null, "aws:SecureTransport", [
  ["true", ["true", "TRUE"], ["false", "1", ""]],
  [false, ["false"], ["true", "0"]],
]);
table("BinaryEquals", null, tag, [["YWI=", ["YWI=", "YWI", "YWJ="], ["YWM=", "YWI==", "ab ", ""]]]);
table("IpAddress", "NotIpAddress", "aws:SourceIp", [
  [
    "203.0.113.0/24",
    ["203.0.113.0", "203.0.113.255", "::ffff:203.0.113.7"],
    ["203.0.114.0", "203.0.113.0/8", "::1", "x", ""],
  ],
  ["203.0.113.9/24", ["203.0.113.1"], ["203.0.112.1"]],
  ["10.1.2.3", ["10.1.2.3", "::ffff:a01:203"], ["10.1.2.4", "::a01:203"]],
  ["0.0.0.0/0", ["1.2.3.4", "::ffff:1.2.3.4"], ["::1", "2001:db8::1"]],
  ["::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0", "::1"]],
  ["2001:db8::/33", ["2001:db8::1", "2001:DB8:7fff:0:0:0:0:1"], ["2001:db8:8000::", "1.2.3.4"]],
  ["::/0", ["::1", "fe80::1%eth0"], ["1.2.3.4", "::ffff:1.2.3.4"]],
  [
    ["10.0.0.0/8", "::1"],
    ["10.1.1.1", "::1", "0:0:0:0:0:0:0:1"],
    ["192.0.2.1", "010.0.0.1"],
  ],
]);
for (const [operator, negated] of [
  ["ArnEquals", "ArnNotEquals"],
  ["ArnLike", "ArnNotLike"],
] as const) {
  const [bob, eve] = [`arn:aws:iam::${owner}:user/bob`, "arn:aws:iam::210987654321:user/eve"];
  table(operator, negated, "aws:PrincipalArn", [
    [bob, [bob], [eve, `${bob}s`, "bob", bob.toUpperCase(), ""]],
    ["arn:aws:iam::*:user/*", [bob, eve], [`arn:aws:iam::${owner}:root`, "arn:aws:iam::x:y:user/z"]],
    ["arn:*:*:*:*:*", [bob, eve], ["arn:aws:iam", "x:aws:iam::1:user/z"]],
    ["*", [bob, eve], ["bob"]],
    [`arn:aws:iam::${owner}:*`, [bob, `arn:aws:iam::${owner}:root`], [eve]],
    [`arn:aws:i?m::${owner}:user/???`, [bob], [eve, `${bob}s`]],
  ]);
}

test("a qualifier asks every value, or any, and of none every but not any", () => {
  for (const [operator, all, any, none] of [
    ["StringEquals", ["a", "b"], ["a", "z"], ["y", "z"]],
    ["StringNotEquals", ["y", "z"], ["a", "z"], ["a", "b"]],
    ["StringLike", ["a", "b"], ["z", "b"], ["z"]],
    ["StringNotLike", ["z"], ["z", "b"], ["b"]],
  ] as const) {
    const said = (qualifier: string) =>
      [all, any, none, undefined, []].map((values) => holds(`${qualifier}:${operator}`, tag, ["a", "b"], values));
    assert.deepEqual(said("ForAllValues"), [true, false, false, true, true], operator);
    assert.deepEqual(said("ForAnyValue"), [true, true, false, false, false], operator);
    assert.equal(holds(`ForAnyValue:${operator}IfExists`, tag, "a", undefined), true);
  }
});

test("without a qualifier one of several values is enough, and a negated operator wants none", () => {
  assert.equal(holds("StringEquals", tag, "a", ["x", "a"]), true);
  assert.equal(holds("StringNotEquals", tag, "a", ["x", "a"]), false);
  assert.equal(holds("StringNotEquals", tag, "a", ["x", "y"]), true);
});

test("Null tells whether a key is absent, and takes truth values of both kinds", () => {
  for (const [wanted, absent, present] of [
    ["true", true, false],
    [true, true, false],
    ["false", false, true],
    [["false", true], true, true],
  ] as const) {
    assert.equal(holds("Null", age, wanted, undefined), absent);
    assert.equal(holds("Null", age, wanted, []), absent);
    assert.equal(holds("Null", age, wanted, "1"), present);
  }
});

test("all operators and all keys of a Condition must hold", () => {
  const Condition = {
    NumericLessThan: { [age]: 365 },
    StringEquals: { [tag]: "a", "aws:username": ["bob", "eve"] },
  };
  const policy = identityPolicy({ Condition });
  const said = (context: Record<string, string>) =>
    asked({ principal: user(owner, "bob"), identity: [policy], context }).allowed;
  const all = { [age.toLowerCase()]: "1", [tag.toLowerCase()]: "a", "aws:username": "bob" };
  assert.equal(said(all), true);
  for (const key of Object.keys(all)) {
    assert.equal(said({ ...all, [key]: "1000" }), false);
  }
  assert.equal(asked({ principal: user(owner, "bob"), identity: [identityPolicy({ Condition: {} })] }).allowed, true);
  assert.deepEqual(policy.conditionKeys, new Set(Object.keys(all)));
});

test("a value that its operator cannot read is refused", () => {
  for (const [operator, key, values] of [
    ["NumericEquals", age, ["", "x", "1e3", "0x10", "1.", ".5", "1,5", " 1", "NaN", "1234567890123456", 1e21, true]],
    [
      "DateEquals",
      "aws:CurrentTime",
      [
        "",
        "now",
        "2026",
        2026,
        "2026-02-30",
        "2026-1-2",
        "2026-01-02T12:00:00",
        "2026-01-02T24:00:00Z",
        "2026-01-02T12:00:60Z",
        "2026-01-02T12:00:00+15:00",
        1767355200000,
        "253402300800",
        "-1",
        "1.5",
      ],
    ],
    ["Bool", "aws:SecureTransport", ["", "yes", "1", 1]],
    ["BinaryEquals", tag, ["a", "a===", "ab=", "a b=", "Y-I="]],
    [
      "IpAddress",
      "aws:SourceIp",
      [
        "",
        "x",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4/33",
        "1.2.3.4/",
        "1.2.3.4/-1",
        "1.2.3.4/08",
        "::/129",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "::12345",
        ":::",
        "*",
        "10.0.0.*",
      ],
    ],
    ["ArnLike", "aws:PrincipalArn", ["", "bob", "arn:aws:iam::1", "arn:aws:iam:*", "?"]],
  ] as const) {
    for (const value of values) {
      assert.throws(() => holds(operator, key, value, "x"), PolicyError, `${operator} ${value}`);
      assert.throws(() => holds(operator, key, ["*", value], "x"), PolicyError);
    }
  }
});
