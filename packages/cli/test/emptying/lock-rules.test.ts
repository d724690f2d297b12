import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deletableFrom, isDeletable, lockRulesOf, noLockRules } from "../../src/emptying/lock-rules.ts";

const arn = "arn:aws:glacier:us-east-1:123456789012:vaults/photos";
const deny = { Sid: "keep", Effect: "Deny", Principal: "*", Action: "glacier:DeleteArchive", Resource: arn };
const rules = (...statements: readonly object[]) =>
  lockRulesOf(JSON.stringify({ Version: "2012-10-17", Statement: statements }), arn);
const younger = (days: unknown, operator = "NumericLessThan") => ({
  ...deny,
  Condition: { [operator]: { "glacier:ArchiveAgeInDays": days } },
});
const aged = (minimumAgeDays: number) => ({ ...noLockRules, minimumAgeDays });
const forbidding = { ...noLockRules, forbidding: ["keep"] };
const undecided = { ...noLockRules, undecided: ["keep"] };

test("a deny by age allows deletions from that age on", () => {
  assert.deepEqual(rules(younger("365")), aged(365));
  assert.deepEqual(rules(younger(["30", 90])), aged(90));
  assert.deepEqual(rules(younger("365", "NumericLessThanIfExists")), aged(365));
  assert.deepEqual(rules(younger("365", "NumericLessThanEquals")), aged(366));
  assert.deepEqual(rules(younger(1.5)), aged(2));
  assert.deepEqual(rules(younger(1.5, "NumericLessThanEquals")), aged(2));
  assert.deepEqual(rules(younger(10), younger(20)), aged(20));
});

test("a single statement needs no list, and a deny without a condition forbids everything", () => {
  assert.deepEqual(lockRulesOf(JSON.stringify({ Statement: deny }), arn), forbidding);
  assert.deepEqual(rules({ ...deny, Action: ["glacier:Upload*", "glacier:Delete*"] }), forbidding);
  assert.deepEqual(rules({ ...deny, Action: "*", Resource: "*", Principal: { AWS: ["*"] } }), forbidding);
  assert.deepEqual(rules({ ...deny, Condition: {} }), forbidding);
});

test("statements about something else are left out", () => {
  assert.deepEqual(rules({ ...deny, Effect: "Allow" }), noLockRules);
  assert.deepEqual(rules({ ...deny, Action: "glacier:UploadArchive" }), noLockRules);
  assert.deepEqual(rules({ ...deny, Resource: arn.replace("photos", "films") }), noLockRules);
  assert.deepEqual(rules({ ...deny, Resource: `${arn}?` }), noLockRules);
});

test("leaves to the service what only the service can know", () => {
  const legalHold = { StringLike: { "glacier:ResourceTag/LegalHold": ["true", ""] } };
  assert.deepEqual(rules({ ...deny, Condition: legalHold }), undecided);
  assert.deepEqual(rules({ ...deny, Condition: { ...legalHold, ...younger(5).Condition } }), undecided);
  assert.deepEqual(rules(younger(5, "NumericGreaterThan")), undecided);
  assert.deepEqual(rules(younger("many")), undecided);
  assert.deepEqual(rules(younger([])), undecided);
  assert.deepEqual(rules({ ...deny, Principal: { AWS: "arn:aws:iam::123456789012:user/eve" } }), undecided);
  assert.deepEqual(rules({ ...deny, Action: undefined, NotAction: "glacier:ListVaults" }), undecided);
  assert.deepEqual(rules({ ...deny, Sid: undefined, Effect: "deny" }), { ...undecided, undecided: ["statement 1"] });
  for (const policy of ["", "null", "[]", '{"Statement":7}', '{"Statement":[null]}', "{}"]) {
    assert.equal(lockRulesOf(policy, arn).undecided.length, 1, policy);
  }
});

test("names the date from which an archive may be deleted", () => {
  const created = new Date("2026-01-01T12:00:00Z");
  assert.deepEqual(deletableFrom(aged(31), created), new Date("2026-02-01T12:00:00Z"));
  assert.equal(isDeletable(aged(31), created, new Date("2026-02-01T12:00:00Z")), true);
  assert.equal(isDeletable(aged(31), created, new Date("2026-02-01T11:59:59Z")), false);
  assert.equal(deletableFrom(forbidding, created), null);
  assert.equal(isDeletable(forbidding, created, new Date("2036-01-01T00:00:00Z")), false);
});

test("without a rule an archive may be deleted, also one that is younger than this machine's clock", () => {
  const [created, now] = [new Date("2026-01-02T00:00:00Z"), new Date("2026-01-01T00:00:00Z")];
  assert.equal(isDeletable(noLockRules, created, now), true);
});

test("never throws, and a hostile pattern takes no time", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (document) => {
      lockRulesOf(JSON.stringify(document), arn);
      lockRulesOf(JSON.stringify({ Statement: document }), arn);
      lockRulesOf(JSON.stringify({ Statement: { ...deny, Condition: document } }), arn);
    }),
  );
  const began = performance.now();
  assert.deepEqual(rules({ ...deny, Resource: `${"*a".repeat(2000)}b` }), noLockRules);
  assert.ok(performance.now() - began < 1000);
});

test("a pattern of stars and question marks matches as a regular expression does", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), maxLength: 8 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 }), (pattern, value) => {
      const expected = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(value);
      const policy = JSON.stringify({ Statement: { ...deny, Resource: pattern } });
      assert.equal(lockRulesOf(policy, value).forbidding.length === 1, expected);
    }),
    { numRuns: 500 },
  );
});
