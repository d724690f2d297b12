import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./comparing.ts";
import { engineWith, type Mutant } from "./mutants.ts";
import { Random } from "./random.ts";

const mutant = (name: string, file: string, original: string, planted: string): Mutant => ({
  name,
  file,
  original,
  planted,
});

// biome-ignore format: one line per bug reads as a table.
const mutants: readonly Mutant[] = [
  mutant("Deny is ignored", "evaluate.ts", "if (denied !== undefined)", "if (false)"),
  mutant("the first match wins", "evaluate.ts", 'sources("Deny");', 'matched[0]?.effect === "Deny" ? sources("Deny") : [];'),
  mutant("an Allow of the user's beats the vault's Deny", "evaluate.ts", 'sources("Deny");', 'sources("Allow").includes("identity") ? [] : sources("Deny");'),
  mutant("the owner's root is denied by default", "evaluate.ts", 'if (principal.kind === "root")', "if (false)"),
  mutant("every root is an owner", "evaluate.ts", "principal.accountId !== resourceAccountId", 'principal.accountId !== resourceAccountId && principal.kind !== "root"'),
  mutant("one side is enough across accounts", "evaluate.ts", '!allowing.includes("resource")', "allowing.length === 0"),
  mutant("the vault's side is enough across accounts", "evaluate.ts", 'kind === "root" || allowing.includes("identity")', "true"),
  mutant("users are allowed by default", "evaluate.ts", '? missing("identity") : { allowed: true', '? { allowed: true, reason: "allow", source: "identity" } : { allowed: true'),
  mutant("one condition is enough", "evaluate.ts", "conditions.every(", "(conditions.length === 0 ? conditions.every : conditions.some).call(conditions, "),
  mutant("principals are not looked at", "evaluate.ts", "principals === null || ", "true || "),
  mutant("NotAction is Action", "evaluate.ts", " !== actions.negated", ""),
  mutant("NotResource is Resource", "evaluate.ts", " !== resources.negated", ""),
  mutant("IfExists is inverted", "conditions/conditions.ts", "if (ifExists)", "if (!ifExists)"),
  mutant("IfExists is ignored", "conditions/conditions.ts", "if (ifExists)", "if (false)"),
  mutant("an absent key fails negated operators too", "conditions/conditions.ts", "return qualifier === null ? negated", "return qualifier === null ? false"),
  mutant("ForAllValues wants a value", "conditions/conditions.ts", 'negated : qualifier === "ForAllValues";\n}', "negated : false;\n}"),
  mutant("ForAnyValue holds of no values", "conditions/conditions.ts", 'negated : qualifier === "ForAllValues";\n}', "negated : true;\n}"),
  mutant("ForAnyValue is ForAllValues", "conditions/conditions.ts", "? negated : qualifier === \"ForAllValues\";\n  return everyValue", "? negated : true;\n  return everyValue"),
  mutant("without a qualifier every value counts", "conditions/conditions.ts", "const everyValue = qualifier === null ? negated", "const everyValue = qualifier === null ? true"),
  mutant("every value of the policy must match", "conditions/conditions.ts", "tests.some(", "tests.every("),
  mutant("negation is forgotten", "conditions/conditions.ts", " !== negated", ""),
  mutant("Null is inverted", "conditions/conditions.ts", "values.length === 0);", "values.length !== 0);"),
  mutant("Null takes its first value only", "conditions/conditions.ts", "wanted.map(absence)", "wanted.slice(0, 1).map(absence)"),
  mutant("an unknown operator is allowed, and holds", "conditions/conditions.ts", "  if (operator === undefined) {", '  if (operator === undefined) return { type: "null", key, absent: [true, false] };\n  if (operator === undefined) {'),
  mutant("an unknown operator is allowed, and fails", "conditions/conditions.ts", "  if (operator === undefined) {", '  if (operator === undefined) return { type: "null", key, absent: [] };\n  if (operator === undefined) {'),
  mutant("an unknown key is allowed", "conditions/condition-keys.ts", "!kinds.has(key) && !isTag(key)", "false"),
  mutant("keys differ by case", "conditions/condition-keys.ts", "const key = name.toLowerCase();", "const key = name;"),
  mutant("actions differ by case", "actions.ts", "withWildcards(text.toLowerCase())", "withWildcards(text)"),
  mutant("an unknown action is allowed", "actions.ts", "!known.some(", "false && !known.some("),
  mutant("NotPrincipal goes with Allow", "statements.ts", 'negated && effect === "Allow"', "false"),
  mutant("any Effect that is no Deny allows", "statements.ts", 'if (value !== "Allow" && value !== "Deny") {', 'if (value !== "Allow" && value !== "Deny") return "Allow";\n  if (false) {'),
  mutant("any version will do", "parse.ts", 'version !== "2012-10-17" && version !== "2008-10-17"', "false"),
  mutant("old versions have variables", "templates.ts", "if (!scope.hasVariables)", "if (false)"),
  mutant("a variable without value is empty", "templates.ts", "return value === null || others.length > 0 ? null : literalOnce(ignoreCase ? value.toLowerCase() : value)", 'return literal((value ?? "").toLowerCase())'),
  mutant("a default is ignored", "templates.ts", "fallback: fallback ?? null", "fallback: null"),
  mutant("a request's * is a wildcard", "templates.ts", "others.length > 0 ? null : literalOnce(", "others.length > 0 ? null : withWildcards("),
  mutant("an escaped * is a wildcard", "templates.ts", "return literal(special)", "return withWildcards(special)"),
  mutant("one of several values stands for a variable", "templates.ts", " || others.length > 0 ?", " ?"),
  mutant("a run never grows", "patterns.ts", "if (found < 0) {", "if (found !== at) {"),
  mutant("a pattern may stop early", "patterns.ts", "pattern.length === points.length", "pattern.length <= points.length"),
  mutant("? is a character", "patterns.ts", "wanted !== anyOne && ", ""),
  mutant("* does not continue over colons", "arn-patterns.ts", "endsInRun(next) ?", "false ?"),
  mutant("components are compared as a prefix", "arn-patterns.ts", "return reading.every((template, index) => {", "return reading.slice(0, 5).every((template, index) => {"),
  mutant("an account that allows itself allows its users", "principals.ts", "principal.accountId !== owner;", "true;"),
  mutant("a denied account denies its root only", "principals.ts", 'effect === "Deny" || ', ""),
  mutant("NotPrincipal spares a whole account", "principals.ts", 'name.kind === "account" && principal.kind === "root"', 'name.kind === "account"'),
  mutant("a user's account is not compared", "principals.ts", '"user" && name.accountId === principal.accountId &&', '"user" &&'),
  mutant("numbers are compared as texts", "conditions/condition-operators.ts", "compared(readNumber, less)", "compared((text) => text, less)"),
  mutant("less is less or equal", "conditions/condition-operators.ts", "value < wanted", "value <= wanted"),
  mutant("what cannot be read meets the condition", "conditions/condition-operators.ts", "known !== undefined && holds(known, limit)", "known === undefined || holds(known, limit)"),
  mutant("StringLike knows no wildcards", "conditions/condition-operators.ts", "const like = text({ wildcards: true", "const like = text({ wildcards: false"),
  mutant("StringEquals knows wildcards", "conditions/condition-operators.ts", "const exact = text({ wildcards: false", "const exact = text({ wildcards: true"),
  mutant("StringEquals ignores case", "conditions/condition-operators.ts", "const exact = text({ wildcards: false, ignoreCase: false", "const exact = text({ wildcards: false, ignoreCase: true"),
  mutant("a network is an address", "conditions/addresses.ts", "(network.bits ^ address.bits) >> ignoredBits === 0n", "network.bits === address.bits"),
  mutant("mapped IPv4 is IPv6", "conditions/addresses.ts", "network.bits >> 32n === 0xffffn", "false"),
  mutant("zones of dates are ignored", "conditions/values.ts", " - zoneMilliseconds(zone)", ""),
  mutant("milliseconds are ignored", "conditions/values.ts", " + Number(fraction.padEnd(3, \"0\"))", ""),
];

const caseCount = 60_000;

for (const bug of mutants) {
  test(`the comparison sees that ${bug.name}`, async (t) => {
    const outcomes = new Map<string, number>();
    const difference = compare(await engineWith(bug), new Random(7), caseCount, outcomes);
    assert.notEqual(difference, null, `not seen in ${caseCount} cases`);
    t.diagnostic(`seen after ${[...outcomes.values()].reduce((sum, count) => sum + count, 0)} cases`);
  });
}
