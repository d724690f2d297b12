import type { ByteRange } from "@moraine/protocol";
import type { Retry } from "../operation-types.ts";

/** What a transfer tells while it goes on; see {@link TransferOptions.onEvent}. */
export type TransferEvent = ProgressEvent | RangeFailedEvent | RetryEvent | WarningEvent | JobEvent;

export interface ProgressEvent {
  readonly kind: "progress";
  /** Null while nobody knows: of a stream, until its end. */
  readonly sizeBytes: number | null;
  /** Bytes known to be right at their destination; those of an earlier run included. */
  readonly verifiedBytes: number;
  /** Bytes that this run has moved, of whatever range. */
  readonly transferredBytes: number;
  /** Those of them that had to be moved again after a failure in this run. */
  readonly repeatedBytes: number;
  /** Verified bytes that an earlier run left. */
  readonly resumedBytes: number;
}

/** A range did not come or go as it should, and is tried again, unless `final`. */
export interface RangeFailedEvent {
  readonly kind: "range-failed";
  readonly range: ByteRange;
  /** From 1. */
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
    /** The server gave no checksum for a range: the whole decides. */
    | "no-checksum"
    /** What an earlier run had verified is no longer so on the disk, and is fetched again. */
    | "partial-changed"
    /** The lock's owner cannot be seen from here, so taking the lock over may last two minutes. */
    | "lock-unseen"
    /** The job's id could not be written down, so a further run may start another job. */
    | "job-not-noted"
    /** The inventory job of a partial file no longer exists, so the download starts again with another one. */
    | "inventory-gone"
    /** The upload that was begun is gone; a new one starts. */
    | "upload-gone"
    /** The journal's upload is not resumed, and a new one starts; the message says what may exist of the earlier one. */
    | "journal-discarded"
    /** The archive is stored, but the journal does not have its id. */
    | "journal-not-written"
    /** The archive is stored, but a file of the upload could not be closed or removed. */
    | "not-cleaned-up"
    /** The upload has failed, and its parts are still at the service. */
    | "upload-not-aborted"
    /** Nothing can tell whether the bytes are right, and the caller has said that it does not matter. */
    | "unverified";
  readonly message: string;
  readonly range?: ByteRange | undefined;
}

export interface JobEvent {
  readonly kind: "job";
  readonly jobId: string;
  readonly state: "started" | "reused" | "waiting" | "succeeded" | "expired";
}

/** What every transfer may be told. */
export interface TransferOptions {
  /** Called often, from within the transfer; it must be quick and not throw. */
  readonly onEvent?: ((event: TransferEvent) => void) | undefined;
  /** Ends the transfer soon, in a state from which it can go on. */
  readonly signal?: AbortSignal | undefined;
}

/** The signal of a transfer that nobody ends. */
export const neverAborted: AbortSignal = new AbortController().signal;
