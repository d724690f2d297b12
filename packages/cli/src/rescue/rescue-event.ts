import type { Decision } from "./schedule/schedule.ts";
import type { Work } from "./work.ts";

/** The reason for which nothing is requested at the moment; null while requests are sent. */
export type WaitReason = Extract<Decision, { kind: "wait" }>["reason"] | "target" | "cost-cap" | null;

export type RescueEvent =
  | { readonly kind: "waiting"; readonly reason: Exclude<WaitReason, null>; readonly message: string }
  /** An attempt that is followed by another, or the last one. */
  | {
      readonly kind: "archive-failed";
      readonly archiveId: string;
      readonly path: string;
      readonly reason: string;
      readonly final: boolean;
    }
  | { readonly kind: "job-expired"; readonly archiveId: string; readonly jobId: string }
  | { readonly kind: "warning"; readonly message: string };

/** The state of a rescue, as it is shown. */
export interface RescueSnapshot {
  /** All archives that were selected. */
  readonly selected: Work;
  readonly verified: Work;
  readonly failed: Work;
  /** Jobs whose outputs are not fetched: those in progress as well as those that are ready. */
  readonly requested: Work;
  readonly readyJobs: number;
  /** Jobs that this run has started, found, and seen to have expired. */
  readonly jobs: { readonly started: number; readonly adopted: number; readonly expired: number };
  readonly receivedBytes: number;
  readonly bytesPerSecond: number;
  readonly archivesPerSecond: number;
  /** Null until the speed is measured. */
  readonly secondsLeft: number | null;
  /** Null without prices. */
  readonly spentUsd: number | null;
  readonly waiting: WaitReason;
}
