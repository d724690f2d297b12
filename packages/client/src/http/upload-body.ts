import { toHex } from "@moraine/protocol";
import { type Platform, unshared } from "../platform.ts";
import { TreeHash } from "../tree-hash.ts";
import type { HttpRequest } from "./http.ts";

/** The bytes of UploadArchive and UploadMultipartPart. */
export type UploadBody = Uint8Array | ReplayableBody;

/** Bytes that are not all in memory, or whose hashes are known already, so that they are not hashed again. */
export interface ReplayableBody {
  /** Called for each attempt. Each call must give the same bytes from their start. */
  readonly open: () => AsyncIterable<Uint8Array>;
  readonly sizeBytes: number;
  /** SHA-256 of all bytes, 64 lowercase hexadecimal digits. */
  readonly sha256: string;
  /** Tree hash of all bytes, 64 lowercase hexadecimal digits. */
  readonly treeHash: string;
}

/** Bytes to be sent, whose number and hash are known. */
export interface RequestBody {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Opens the body for one attempt. Calls `failed` when the source fails, or has another number of bytes. */
  readonly open: (failed: (reason: unknown) => void) => NonNullable<HttpRequest["body"]>;
}

/**
 * Resolves to an upload's body and the tree hash for its header.
 * @param checksum the caller's own tree hash, which is sent as it is.
 */
export async function uploadBody(
  body: UploadBody,
  checksum: string | undefined,
  platform: Platform,
): Promise<{ readonly body: RequestBody; readonly checksum: string }> {
  if (body instanceof Uint8Array) {
    return { body: await bytesBody(body, platform), checksum: checksum ?? (await treeHashOf(body, platform)) };
  }
  const { sizeBytes, sha256, treeHash } = body;
  return { body: { sizeBytes, sha256, open: (failed) => watched(body, failed) }, checksum: checksum ?? treeHash };
}

export async function bytesBody(bytes: Uint8Array, platform: Platform): Promise<RequestBody> {
  const sizeBytes = bytes.length;
  const sha256 = toHex(await platform.sha256(bytes));
  return { sizeBytes, sha256, open: () => unshared(bytes) };
}

async function treeHashOf(bytes: Uint8Array, { sha256 }: Platform): Promise<string> {
  const hash = new TreeHash(sha256);
  await hash.update(bytes);
  return hash.digest();
}

type Source = Pick<ReplayableBody, "open" | "sizeBytes">;

/** Passes on the source's pieces. Throws TypeError when they have more or fewer bytes than announced. */
async function* watched({ open, sizeBytes }: Source, failed: (reason: unknown) => void): AsyncGenerator<Uint8Array> {
  let givenBytes = 0;
  try {
    for await (const piece of open()) {
      givenBytes += piece.length;
      if (givenBytes > sizeBytes) break;
      yield piece;
    }
    if (givenBytes !== sizeBytes) {
      const found = givenBytes > sizeBytes ? "more" : `only ${givenBytes}`;
      throw new TypeError(`Invalid body: expected ${sizeBytes} bytes, received ${found}`);
    }
  } catch (error) {
    failed(error);
    throw error;
  }
}
