import type { AdminOperation, NoInput, NoOutput } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const testingOperations = {
  ListRequestCounts: { method: "GET",  path: "/admin/requests", status: 200, scope: "service", resource: "any", request: "none", response: "json" },
  ResetService:      { method: "POST", path: "/admin/reset",    status: 204, scope: "service", resource: "any", request: "none", response: "none" },
} as const satisfies Record<string, AdminOperation>;

/** Operations for test suites. */
export interface TestingShapes {
  /** Counts the requests to the vault API since the start of the server or its last reset. */
  ListRequestCounts: { input: NoInput; output: ListRequestCountsOutput };
  /**
   * Makes the service as it was after its first start: only the root's keys, the clock's time and the audit trail stay. Refused
   * unless the server was started with `--allow-faults`, and while a vault is locked unless with `--ephemeral`.
   */
  ResetService: { input: NoInput; output: NoOutput };
}

export interface RequestCount {
  readonly Operation: string;
  /** Requests that named the operation, whatever became of them. */
  readonly Requests: number;
  /** How many responses had which status; a request that got no response is in none. */
  readonly Responses: Readonly<Record<string, number>>;
}

export interface ListRequestCountsOutput {
  /** By name; an operation that nobody asked for is left out. */
  readonly RequestCounts: readonly RequestCount[];
}
