/** The bytes of UploadArchive and UploadMultipartPart. */
export type UploadBody = Uint8Array<ArrayBuffer> | ReplayableBody;

/** Bytes that are not all in memory, or whose hashes are known already: nothing is hashed again. */
export interface ReplayableBody {
  /** Called for each attempt; gives the same bytes from their start each time. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
  /** SHA-256 of all bytes, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** Likewise. */
  readonly treeHash: string;
}
