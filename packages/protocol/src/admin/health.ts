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
  readonly Storage: StorageDescription;
  /** Warnings for the operator of a service that works; empty when all is well. */
  readonly Warnings: readonly string[];
  readonly Version: string;
  readonly Region: string;
  readonly Profile: "practical" | "aws";
  readonly Clock: "system" | "manual";
  /** Seconds since the process started. */
  readonly UptimeSeconds: number;
  readonly Accounts: number;
  readonly Users: number;
  readonly Vaults: number;
}

export interface StorageDescription {
  /** Why no archive is accepted; null while they are. Archives can be read and deleted in any case. */
  readonly ReadOnly: string | null;
  /** Null when the file system gives no figure. */
  readonly FreeBytes: number | null;
  /** The part that archives never take. */
  readonly ReserveBytes: number;
  /** Bytes of deleted archives and parts that still take room. */
  readonly DeletedBytes: number;
  /** When the first of them are freed, and the last; null when there are none. */
  readonly DeletedBytesFreeFrom: string | null;
  readonly DeletedBytesFreeBy: string | null;
}
