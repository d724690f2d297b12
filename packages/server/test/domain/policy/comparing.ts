import type { AccountId } from "@moraine/protocol";
import type { Decision, evaluate as Evaluate, PolicySet } from "../../../src/domain/policy/evaluate.ts";
import type { parseIdentityPolicy, parseVaultPolicy } from "../../../src/domain/policy/parse.ts";
import { isFlawed, naiveVerdict, type RawRequest, type RawSet, type Verdict } from "./naive-evaluator.ts";
import type { Random } from "./random.ts";
import { knownActions, randomSet } from "./random-cases.ts";

/** The evaluator under test: the one of the product, or one with a bug planted. */
export interface Engine {
  readonly parseIdentityPolicy: typeof parseIdentityPolicy;
  readonly parseVaultPolicy: typeof parseVaultPolicy;
  readonly evaluate: typeof Evaluate;
}

export interface Difference {
  readonly set: RawSet;
  readonly request: RawRequest;
  readonly expected: Verdict;
  readonly found: Verdict;
}

/** Compares until the first difference; `outcomes` counts what the naive evaluator said. */
export function compare(
  engine: Engine,
  random: Random,
  caseCount: number,
  outcomes: Map<string, number>,
): Difference | null {
  for (let done = 0; done < caseCount; ) {
    const { vault, set, requests } = randomSet(random);
    for (const { expected, found, request } of verdicts(engine, set, vault, requests)) {
      if (expected.outcome !== found.outcome || String(expected.applying) !== String(found.applying)) {
        return { set, request, expected, found };
      }
      outcomes.set(expected.outcome, (outcomes.get(expected.outcome) ?? 0) + 1);
      done += 1;
    }
  }
  return null;
}

function* verdicts(engine: Engine, set: RawSet, vault: string, requests: readonly RawRequest[]) {
  const policies = read(engine, set, vault);
  const isRefused = [...set.identity, ...set.resource].some((policy) => isFlawed(policy, knownActions));
  for (const request of requests) {
    const expected = isRefused ? refused : naiveVerdict(set, request);
    const found = policies === null ? refused : verdict(engine.evaluate(policies, accessRequest(request)));
    yield { request, expected, found };
  }
}

const refused: Verdict = { outcome: "refused", applying: [] };

/** Null when a policy is refused, which denies whatever is asked. */
export function read(engine: Engine, { identity, resource }: RawSet, vault: string): PolicySet | null {
  try {
    return {
      identity: identity.map((policy, index) => ({
        name: String(index),
        policy: engine.parseIdentityPolicy(JSON.stringify(policy)),
      })),
      resource: resource.map((policy, index) => ({
        name: String(index),
        policy: engine.parseVaultPolicy(JSON.stringify(policy), vault),
      })),
    };
  } catch (error) {
    if (error instanceof Error && error.name === "PolicyError") return null;
    throw error;
  }
}

export const accessRequest = (request: RawRequest): Parameters<typeof Evaluate>[1] => ({
  principal:
    request.user === ""
      ? { kind: "root", accountId: request.account as AccountId }
      : { kind: "user", accountId: request.account as AccountId, userName: request.user },
  action: request.action,
  resource: request.resource,
  resourceAccountId: request.owner as AccountId,
  context: new Map(Object.entries(request.context)),
});

function verdict({ allowed, reason, source, matched }: Decision): Verdict {
  const isRight = allowed === (reason === "allow" || reason === "owner-root");
  return {
    outcome: isRight ? `${reason} ${source}` : `${reason} but allowed is ${allowed}`,
    applying: matched.map((statement) => `${statement.source} ${statement.policy}.${statement.index}`),
  };
}
