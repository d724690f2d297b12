import type { AccountId, AdminOperationName, AdminShapes, AuditAnchor, ChainPlace } from "@moraine/protocol";
import type { AccessControl } from "../auth/authorize.ts";
import type { Caller } from "../auth/caller.ts";
import type { Keyring } from "../auth/keyring.ts";
import type { Faults } from "../domain/faults/fault.ts";
import type { Node } from "../domain/node.ts";
import type { PolicyMeter } from "../domain/policy/policy-meter.ts";
import type { RequestCounts } from "../domain/request-counts.ts";
import type { RecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { StorageReport } from "../domain/stores/storage-report.ts";
import type { Clock } from "../domain/time/clock.ts";
import type { TrustedClock } from "../domain/time/trusted-clock.ts";
import type { Profile } from "../domain/vaults/vault.ts";

/** All that an admin operation may touch. */
export interface AdminServices {
  /** Changes are recorded as those of the request's caller. */
  readonly metadata: RecordedMetadata;
  readonly keyring: Keyring;
  readonly audit: AuditServices;
  readonly access: AccessControl;
  readonly policyMeter: PolicyMeter;
  readonly clock: Clock;
  /** A message may have become due. */
  wakeDelivery(): void;
  /** The same clock, if it can be moved; null for the system's. */
  readonly manualClock: MovableClock | null;
  readonly trustedClock: TrustedClock;
  /** Null unless the server was started with faults allowed. */
  readonly faults: Faults | null;
  readonly requestCounts: Pick<RequestCounts, "list" | "clear">;
  /** Whether the data folder ends with this process. */
  readonly isEphemeral: boolean;
  readonly node: Pick<Node, "list">;
  /** The system's time: sessions end by it, for clients compare it with their own. */
  systemNow(): Date;
  readonly region: string;
  readonly profile: Profile;
  /** Its principals alone may do what concerns the whole service. */
  readonly operatorAccountId: AccountId;
  readonly version: string;
  /** Null when the service is ready; otherwise why it is not. */
  readiness(): string | null;
  storage(): StorageReport;
  /** Warnings for the operator of a service that works. */
  warnings(): readonly string[];
  uptimeSeconds(): number;
}

export interface AuditServices {
  /** How long entries are kept. */
  readonly keptDays: number;
  /** Signs heads of the trail. */
  signer(): Promise<(head: ChainPlace) => AuditAnchor>;
}

/** Wakes whoever slept until the time that it is moved to. */
export interface MovableClock {
  /** Throws RangeError for a step backwards. */
  advance(milliseconds: number): void;
}

export type AdminInput<Name extends AdminOperationName> = AdminShapes[Name]["input"];
export type AdminOutput<Name extends AdminOperationName> = AdminShapes[Name]["output"];

/** Services first, then the input, then who asks: it has been authorized. */
export type AdminHandler<Name extends AdminOperationName> = (
  services: AdminServices,
  input: AdminInput<Name>,
  caller: Caller,
) => Promise<AdminOutput<Name>>;
