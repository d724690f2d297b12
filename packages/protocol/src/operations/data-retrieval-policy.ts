import type { Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const dataRetrievalPolicyOperations = {
  SetDataRetrievalPolicy: { method: "PUT", path: "/{accountId}/policies/data-retrieval", status: 204, request: "json", response: "none", account: "own" },
  GetDataRetrievalPolicy: { method: "GET", path: "/{accountId}/policies/data-retrieval", status: 200, request: "none", response: "json", account: "own" },
} as const satisfies Record<string, Operation>;
