import type { AdminOperation, NoInput } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const healthOperations = {
  GetHealth: { method: "GET", path: "/admin/health", status: 200, scope: "service", resource: "any", request: "none", response: "json" },
} as const satisfies Record<string, AdminOperation>;

export interface HealthShapes {
  GetHealth: { input: NoInput; output: HealthDescription };
}

export interface HealthDescription {
  readonly Ready: boolean;
  /** Why it is not ready; null when it is. */
  readonly Reason: string | null;
  /** What an operator should know though the service works; empty when all is well. */
  readonly Warnings: readonly string[];
  readonly Version: string;
  readonly Region: string;
  readonly Profile: "practical" | "aws";
  readonly Clock: "system" | "manual";
  /** Of the process. */
  readonly UptimeSeconds: number;
  readonly Accounts: number;
  readonly Users: number;
  readonly Vaults: number;
}
