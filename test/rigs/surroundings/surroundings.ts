import type { Notifier } from "../../../packages/server/src/domain/notifications/notifier.ts";
import type { Call, History, Outcome } from "../../support/history/calls.ts";
import type { FoundViolation } from "../violations.ts";

/** All that a scenario needs next to a server and its data folder. */
export interface Surroundings extends AsyncDisposable {
  /** Flags of the server that serves the calls. */
  readonly flags?: readonly string[];
  /** Flags of the server that is started after them. @default those of the first */
  readonly flagsOfRestart?: readonly string[];
  /** Makes a call that is not one of the API; null leaves it to the caller. */
  perform?(call: Call): Promise<Outcome> | null;
  /** Prepares for the next start of the service, on what a server has left. */
  recover?(left: Left): Promise<Recovery>;
}

/** The disk as a server has left it, or a copy of that. */
export interface Left {
  /** Holds `data`, and what else the scenario keeps on the disk. */
  readonly disk: string;
  /** The length of the rig's trace when the server ended; Infinity when that is now. */
  readonly traceBytes: number;
}

export interface Recovery {
  readonly notifier?: Notifier;
  /** The keys that seal and sealed the secrets. @default the folder's own */
  readonly sealingKeys?: SealingKeys;
  /** Examines a service that has started, after everything that the history names was observed. */
  whileServing?(history: History, url: string): Promise<readonly string[]>;
  /** Examines what it has left. */
  afterwards?(history: History): Promise<Examination>;
}

export interface SealingKeys {
  readonly sealingKey: Buffer;
  readonly previous: Buffer | null;
}

export interface Examination {
  readonly violations: readonly FoundViolation[];
  readonly findings: readonly string[];
}

export interface Place {
  /** For files that are on no disk that fails. */
  readonly folder: string;
  /** The disk of the server, in which `data` is its folder. */
  readonly disk: string;
  /** Makes another process part of what the rig watches. */
  readonly environment: Readonly<Record<string, string>>;
  /** The length of the rig's trace. */
  traceBytes(): number;
}

export type OpenSurroundings = (place: Place) => Promise<Surroundings>;

export const noSurroundings = async (): Promise<Surroundings> => ({ [Symbol.asyncDispose]: async () => undefined });
