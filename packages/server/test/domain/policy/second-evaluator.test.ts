import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { evaluate } from "../../../src/domain/policy/evaluate.ts";
import { parseIdentityPolicy, parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { compare } from "./comparing.ts";
import { Random } from "./random.ts";

const caseCount = 200_000;

test("a second evaluator agrees on 200,000 random cases, and on which statements apply", { timeout: 300_000 }, (t) => {
  const seed = Number(process.env["POLICY_SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`POLICY_SEED=${seed}`);
  const outcomes = new Map<string, number>();
  const startedAt = performance.now();
  const difference = compare(
    { parseIdentityPolicy, parseVaultPolicy, evaluate },
    new Random(seed),
    caseCount,
    outcomes,
  );
  assert.equal(difference, null, `POLICY_SEED=${seed}: ${JSON.stringify(difference, null, 1)}`);
  const seconds = (performance.now() - startedAt) / 1000;
  t.diagnostic(`${Math.round(caseCount / seconds)} cases a second`);
  for (const outcome of [
    "allow identity",
    "allow resource",
    "explicit-deny identity",
    "explicit-deny resource",
    "implicit-deny identity",
    "implicit-deny resource",
    "owner-root null",
    "refused",
  ]) {
    const count = outcomes.get(outcome) ?? 0;
    t.diagnostic(`${outcome}: ${count}`);
    assert.ok(count >= caseCount / 100, `${outcome} came up only ${count} times`);
  }
});
