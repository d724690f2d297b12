import type { Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const provisionedCapacityOperations = {
  PurchaseProvisionedCapacity: { method: "POST", path: "/{accountId}/provisioned-capacity", status: 201, request: "none", response: "none", account: "own", responseHeaders: { capacityId: "x-amz-capacity-id" } },
  ListProvisionedCapacity:     { method: "GET",  path: "/{accountId}/provisioned-capacity", status: 200, request: "none", response: "json", account: "own" },
} as const satisfies Record<string, Operation>;
