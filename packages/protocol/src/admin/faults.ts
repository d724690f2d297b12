import type { AdminOperation, NoInput, NoOutput } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const faultOperations = {
  PutFault:    { method: "POST",   path: "/admin/faults",           status: 201, scope: "service", resource: "any", request: "json", response: "json" },
  ListFaults:  { method: "GET",    path: "/admin/faults",           status: 200, scope: "service", resource: "any", request: "none", response: "json" },
  DeleteFault: { method: "DELETE", path: "/admin/faults/{faultId}", status: 204, scope: "service", resource: "any", request: "none", response: "none" },
  ClearFaults: { method: "DELETE", path: "/admin/faults",           status: 204, scope: "service", resource: "any", request: "none", response: "none" },
} as const satisfies Record<string, AdminOperation>;

/** Each is refused unless the server was started with `--allow-faults`. */
export interface FaultShapes {
  PutFault: { input: PutFaultInput; output: FaultDescription };
  /** In the order in which they were put; also those whose count has run out. */
  ListFaults: { input: NoInput; output: ListFaultsOutput };
  DeleteFault: { input: NamedFaultInput; output: NoOutput };
  ClearFaults: { input: NoInput; output: NoOutput };
}

/** Effects of faults; the README lists how each looks to a client. */
export type FaultModeName =
  | "throttle"
  | "unavailable"
  | "request-timeout"
  | "delay"
  | "slow-body"
  | "reset"
  | "wrong-checksum"
  | "whole-checksum"
  | "corrupt-byte"
  | "expired-job"
  | "insufficient-capacity"
  | "no-longer-supported"
  | "dash-ids";

export interface PutFaultInput {
  /** As sent, so it may be no mode's name: {@link FaultModeName}. */
  readonly Mode: string;
  /** @default all that the mode can act on */
  readonly Operation?: string | undefined;
  /** The account whose requests it acts on. @default all accounts */
  readonly AccountId?: string | undefined;
  /** The share of the responses that it acts on: above 0, up to 1. @default 1 */
  readonly Rate?: number | undefined;
  /** How many responses at most. @default no end */
  readonly Count?: number | undefined;
  /** For `reset`: bytes of the response body that are sent first; at 0 nothing of the response is. @default 0 */
  readonly Bytes?: number | undefined;
  /** For `slow-body`: the speed of the response body. @default 1024 */
  readonly BytesPerSecond?: number | undefined;
  /** For `delay`: at most a day. @default 1000 */
  readonly Milliseconds?: number | undefined;
}

export interface NamedFaultInput {
  readonly faultId: string;
}

export interface FaultDescription {
  readonly FaultId: string;
  readonly Mode: string;
  readonly Operation: string | null;
  readonly AccountId: string | null;
  readonly Rate: number;
  readonly Count: number | null;
  readonly Bytes: number | null;
  readonly BytesPerSecond: number | null;
  readonly Milliseconds: number | null;
  /** The responses that remain of the count; null without one. */
  readonly Left: number | null;
  /** The responses it has acted on. */
  readonly Fired: number;
}

export interface ListFaultsOutput {
  readonly FaultList: readonly FaultDescription[];
}
