import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { type Decision, evaluate } from "../../../src/domain/policy/evaluate.ts";
import { parseIdentityPolicy, parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { accessRequest, read } from "./comparing.ts";
import { many, type RawPolicy, type RawSet, type RawStatement } from "./naive-evaluator.ts";
import { Random } from "./random.ts";
import { randomSet, randomStatement } from "./random-cases.ts";

/** Checks the laws that hold for every evaluator, whatever it decides on a single policy: docs/wire.md#policies */
const setCount = 8000;
const engine = { parseIdentityPolicy, parseVaultPolicy, evaluate };
type Change = (random: Random, set: RawSet, vault: string) => RawSet | null;

function law(name: string, change: Change, holdsFor: (before: Decision, after: Decision) => boolean): void {
  test(name, { timeout: 120_000 }, (t) => {
    const seed = Number(process.env["POLICY_SEED"] ?? randomInt(2 ** 31));
    t.diagnostic(`POLICY_SEED=${seed}`);
    const seen = { pairs: 0, allowed: 0, revoked: 0 };
    for (const { before, after, request, set } of pairs(new Random(seed), change)) {
      assert.ok(holdsFor(before, after), `POLICY_SEED=${seed}: ${JSON.stringify({ set, request, before, after })}`);
      seen.pairs += 1;
      seen.allowed += Number(before.allowed);
      seen.revoked += Number(before.allowed && !after.allowed);
    }
    t.diagnostic(JSON.stringify(seen));
    assert.ok(seen.pairs > setCount && seen.allowed > setCount / 4, "the law was hardly tried");
    assert.ok(holdsFor !== grantsNothing || seen.revoked > setCount / 40, "the change hardly changed a thing");
  });
}

function* pairs(random: Random, change: Change) {
  for (let count = 0; count < setCount; count += 1) {
    const { vault, set, requests } = randomSet(random);
    const changed = change(random, set, vault);
    const [policies, changedPolicies] = [read(engine, set, vault), changed && read(engine, changed, vault)];
    if (policies === null || changedPolicies === null) continue;
    for (const request of requests.map(accessRequest)) {
      yield { set, request, before: evaluate(policies, request), after: evaluate(changedPolicies, request) };
    }
  }
}

const grantsNothing = (before: Decision, after: Decision) => before.allowed || !after.allowed;

law(
  "adding a Deny never grants",
  (random, set, vault) =>
    withStatements(random, set, (statements, isOfVault) => {
      const deny = { ...randomStatement(random, vault, isOfVault), Effect: "Deny" };
      return random.shuffled([...statements, deny]);
    }),
  grantsNothing,
);

law(
  "removing an Allow never grants",
  (random, set) =>
    withStatements(random, set, (statements) => {
      const allows = statements.filter(({ Effect }) => Effect === "Allow");
      const removed = allows.length === 0 ? null : random.of(allows);
      // A policy needs a statement, so the last one stays.
      return removed === null || statements.length === 1 ? null : statements.filter((one) => one !== removed);
    }),
  grantsNothing,
);

law(
  "widening a Deny never grants",
  (random, set) =>
    withStatements(random, set, (statements) => {
      const denies = statements.filter(({ Effect }) => Effect === "Deny");
      if (denies.length === 0) return null;
      const chosen = random.of(denies);
      return statements.map((statement) => (statement === chosen ? widened(random, statement) : statement));
    }),
  grantsNothing,
);

law(
  "the order of statements and of policies changes nothing",
  (random, { identity, resource }) => {
    const reordered = (policies: readonly RawPolicy[]) =>
      random.shuffled(policies).map((policy) => ({ ...policy, Statement: random.shuffled(many(policy.Statement)) }));
    return { identity: reordered(identity), resource: reordered(resource) };
  },
  (before, after) => {
    const counts = ({ matched }: Decision) => matched.map(({ source, effect }) => `${source} ${effect}`).sort();
    return (
      before.reason === after.reason &&
      before.source === after.source &&
      before.allowed === after.allowed &&
      String(counts(before)) === String(counts(after))
    );
  },
);

/** Changes the statements of one policy; null when there is none, or nothing to change. */
function withStatements(
  random: Random,
  set: RawSet,
  change: (statements: readonly RawStatement[], isOfVault: boolean) => readonly RawStatement[] | null,
): RawSet | null {
  const side = random.of(["identity", "resource"] as const);
  const policy = random.of(set[side]);
  const statements = policy && change(many(policy.Statement), side === "resource");
  if (!statements) return null;
  return { ...set, [side]: set[side].map((one) => (one === policy ? { ...policy, Statement: statements } : one)) };
}

function widened(random: Random, statement: RawStatement): RawStatement {
  const { Action, NotAction, Resource, NotResource, Principal, NotPrincipal, Condition, ...rest } = statement;
  const kept = {
    actions: NotAction === undefined ? { Action } : { NotAction },
    resources: NotResource === undefined ? { Resource } : { NotResource },
    principals: NotPrincipal === undefined ? { Principal } : { NotPrincipal },
    conditions: Condition === undefined ? {} : { Condition },
  };
  const wider = {
    actions: { Action: "*" },
    resources: { Resource: "*" },
    principals: Principal === undefined && NotPrincipal === undefined ? {} : { Principal: "*" },
    conditions: {},
  };
  const part = random.of(["actions", "resources", "principals", "conditions"] as const);
  const parts = { ...kept, [part]: wider[part] };
  return { ...rest, ...parts.actions, ...parts.resources, ...parts.principals, ...parts.conditions } as RawStatement;
}
