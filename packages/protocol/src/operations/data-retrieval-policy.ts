import type { AccountInput, EmptyOutput, Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const dataRetrievalPolicyOperations = {
  SetDataRetrievalPolicy: { method: "PUT", path: "/{accountId}/policies/data-retrieval", status: 204, request: "json", response: "none", account: "own", vault: "none", resource: "retrieval-policy", policies: "identity" },
  GetDataRetrievalPolicy: { method: "GET", path: "/{accountId}/policies/data-retrieval", status: 200, request: "none", response: "json", account: "own", vault: "none", resource: "retrieval-policy", policies: "identity" },
} as const satisfies Record<string, Operation>;

export interface DataRetrievalPolicyShapes {
  SetDataRetrievalPolicy: { input: SetDataRetrievalPolicyInput; output: EmptyOutput };
  GetDataRetrievalPolicy: { input: AccountInput; output: GetDataRetrievalPolicyOutput };
}

export interface SetDataRetrievalPolicyInput extends AccountInput {
  readonly Policy?: DataRetrievalPolicyInput | undefined;
}

/** As the client wrote it; the service says what is legal. */
export interface DataRetrievalPolicyInput {
  readonly Rules?: readonly DataRetrievalRuleInput[] | undefined;
}

export interface DataRetrievalRuleInput {
  readonly Strategy?: string | undefined;
  /** A bigint where a number could not hold it. */
  readonly BytesPerHour?: number | bigint | undefined;
}

export interface GetDataRetrievalPolicyOutput {
  readonly Policy: DataRetrievalPolicy;
}

export interface DataRetrievalPolicy {
  /** Exactly one. */
  readonly Rules: readonly DataRetrievalRule[];
}

export type DataRetrievalStrategy = "BytesPerHour" | "FreeTier" | "None";

export interface DataRetrievalRule {
  /** Up to 2^63 - 1, which a number could not hold; absent with the other strategies. */
  readonly BytesPerHour?: bigint | undefined;
  readonly Strategy: DataRetrievalStrategy;
}
