import { stepsOfArn } from "./arn-patterns.ts";
import { policySteps } from "./effort.ts";
import type { Policy, Statement } from "./model.ts";
import { PolicyError } from "./policy-error.ts";

/** No action and no ARN of a request is longer. */
const actionLengthMax = 64;
const arnLengthMax = 384;

/** Throws PolicyError for a policy that some request makes too costly to evaluate. */
export function assertAffordable(policy: Policy, sizeBytes: number): void {
  const cost = policy.statements.reduce((steps, statement) => steps + stepsOfStatement(statement), 0);
  const bound = policySteps.base + policySteps.perByte * sizeBytes;
  if (cost > bound) {
    throw new PolicyError(`the policy is too costly to evaluate: ${cost} steps, where ${bound} are allowed`);
  }
}

function stepsOfStatement({ actions, resources, conditions }: Statement): number {
  const ofActions = actions.patterns.reduce((steps, { length }) => steps + length + actionLengthMax, 0);
  const ofResources = resources.patterns.reduce((steps, pattern) => steps + stepsOfArn(pattern, arnLengthMax), 0);
  return conditions.reduce((steps, condition) => steps + condition.stepsMax, ofActions + ofResources);
}
