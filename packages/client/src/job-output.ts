import type { GetJobOutputOutput } from "@moraine/protocol";

/** What GetJobOutput answers. A header that the service did not send is null. */
export interface JobOutput {
  /**
   * The bytes, as they arrive, in order. Read it, cancel it, or leave its loop: until then it holds a connection. It fails
   * with `GlacierConnectionError` when it ends before `sizeBytes`, and with the signal's reason when that aborts.
   */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Bytes of this answer; null where the service does not say, so that its end cannot be told from a break. */
  readonly sizeBytes: number | null;
  /** 206 for a range, 200 for the whole. */
  readonly status: GetJobOutputOutput["status"];
  /** Tree hash of exactly the bytes of this answer, where the service gives one. Nothing has compared it yet. */
  readonly checksum: string | null;
  /** `bytes {first}-{last}/{total}`, of a range. */
  readonly contentRange: string | null;
  readonly acceptRanges: string | null;
  readonly contentType: string | null;
  readonly archiveDescription: string | null;
}
