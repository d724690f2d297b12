import type { ByteRange } from "@moraine/protocol";
import type { Retry } from "../operation-types.ts";

/** An event of a running transfer; see {@link TransferOptions.onEvent}. */
export type TransferEvent = ProgressEvent | RangeFailedEvent | RetryEvent | WarningEvent | JobEvent;

export interface ProgressEvent {
  readonly kind: "progress";
  /** Size of the source or the output; null for a stream until its end. */
  readonly sizeBytes: number | null;
  /** Bytes verified at their destination, including those of an earlier run. */
  readonly verifiedBytes: number;
  /** Bytes that this run has sent or received. */
  readonly transferredBytes: number;
  /** The part of `transferredBytes` that was sent or received again after a failure in this run. */
  readonly repeatedBytes: number;
  /** The part of `verifiedBytes` that an earlier run has moved. */
  readonly resumedBytes: number;
}

/** A range could not be sent or received, or was wrong. It is tried again, unless `final`. */
export interface RangeFailedEvent {
  readonly kind: "range-failed";
  readonly range: ByteRange;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  readonly error: Error;
  readonly final: boolean;
}

/** The service cannot be reached, is unavailable or throttles; the same request is sent again after the pause. */
export interface RetryEvent extends Retry {
  readonly kind: "retry";
}

export interface WarningEvent {
  readonly kind: "warning";
  readonly code: /** A range carried the whole archive's hash, a known fault of some servers: the whole decides. */
    | "whole-hash-on-range"
    /** The server sent no checksum for a range, which is passed on unverified. */
    | "no-checksum"
    /** A range that an earlier run had verified has changed on the disk, and is fetched again. */
    | "partial-changed"
    /** The lock's owner cannot be seen from here, so taking over the lock may take two minutes. */
    | "lock-unseen"
    /** The job's id could not be recorded, so another run may start another job. */
    | "job-not-noted"
    /** The inventory job of a partial file no longer exists, so the download starts again with another one. */
    | "inventory-gone"
    /** The unfinished upload no longer exists; a new one starts. */
    | "upload-gone"
    /** The journal's upload is not resumed, and a new one starts; the message says what may exist of the earlier one. */
    | "journal-discarded"
    /** The archive is stored, but the journal does not have its id. */
    | "journal-not-written"
    /** The archive is stored, but a file of the upload could not be closed or removed. */
    | "not-cleaned-up"
    /** The upload has failed, and its parts are still at the service. */
    | "upload-not-aborted"
    /** No checksum can verify the bytes, and the caller accepts that. */
    | "unverified";
  readonly message: string;
  readonly range?: ByteRange | undefined;
}

export interface JobEvent {
  readonly kind: "job";
  readonly jobId: string;
  readonly state: "started" | "reused" | "waiting" | "succeeded" | "expired";
}

/** Options of every transfer. */
export interface TransferOptions {
  /** Called often, during the transfer; it must be quick and not throw. */
  readonly onEvent?: ((event: TransferEvent) => void) | undefined;
  /** Ends the transfer soon, in a state from which it can be resumed. */
  readonly signal?: AbortSignal | undefined;
}

/** The signal of a transfer that cannot be aborted. */
export const neverAborted: AbortSignal = new AbortController().signal;
