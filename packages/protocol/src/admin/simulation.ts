import type { AdminOperation } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const simulationOperations = {
  SimulatePolicy: { method: "POST", path: "/admin/simulation", status: 200, scope: "account", resource: "any", request: "json", response: "json", changesNothing: true },
} as const satisfies Record<string, AdminOperation>;

export interface SimulationShapes {
  /** Judges a request that nobody makes, as it would be judged now. */
  SimulatePolicy: { input: SimulatePolicyInput; output: SimulatePolicyOutput };
}

export interface SimulatePolicyInput {
  /** The caller to assume. @default the account's root */
  readonly UserName?: string | undefined;
  /** `glacier:DeleteArchive`, say, or `moraine:CreateUser`. */
  readonly Action: string;
  /** A vault of the caller's account, which need not exist; its own policies are judged too. */
  readonly VaultName?: string | undefined;
  /** The resource, if it is not a vault. @default `*` */
  readonly Resource?: string | undefined;
  /** Condition keys and their values, in addition to those that the service knows or in place of them: `{"aws:SourceIp": ["192.0.2.1"]}`. */
  readonly Context?: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface SimulatePolicyOutput {
  readonly Allowed: boolean;
  readonly Reason: "explicit-deny" | "implicit-deny" | "allow" | "owner-root";
  /** Which side decided; null when no statement did. */
  readonly Source: "identity" | "resource" | null;
  /** The statements that say so. */
  readonly Statements: readonly MatchedStatementDescription[];
  /** The response that such a request would get; null when it is allowed. */
  readonly Message: string | null;
}

export interface MatchedStatementDescription {
  /** A user's policy by its name; `vault access policy` or `vault lock policy`. */
  readonly Policy: string;
  /** From 0. */
  readonly Index: number;
  readonly Sid: string | null;
  readonly Effect: "Allow" | "Deny";
}
