import type { AccountInput, Operation } from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const provisionedCapacityOperations = {
  PurchaseProvisionedCapacity: { method: "POST", path: "/{accountId}/provisioned-capacity", status: 201, request: "none", response: "none", account: "own", vault: "none", resource: "any", policies: "identity", isCharged: true, responseHeaders: { capacityId: "x-amz-capacity-id" } },
  ListProvisionedCapacity:     { method: "GET",  path: "/{accountId}/provisioned-capacity", status: 200, request: "none", response: "json", account: "own", vault: "none", resource: "any", policies: "identity" },
} as const satisfies Record<string, Operation>;

export interface ProvisionedCapacityShapes {
  PurchaseProvisionedCapacity: { input: AccountInput; output: PurchaseProvisionedCapacityOutput };
  ListProvisionedCapacity: { input: AccountInput; output: ListProvisionedCapacityOutput };
}

export interface PurchaseProvisionedCapacityOutput {
  readonly capacityId: string;
}

export interface ListProvisionedCapacityOutput {
  readonly ProvisionedCapacityList: readonly ProvisionedCapacityDescription[];
}

export interface ProvisionedCapacityDescription {
  readonly CapacityId: string;
  /** A calendar month after the start, its milliseconds cut off. */
  readonly ExpirationDate: string;
  readonly StartDate: string;
}
