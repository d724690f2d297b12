import { errors, isDescription, isHexBytes } from "@moraine/protocol";
import type { ContentDigest } from "../segments/content-hash.ts";

/**
 * What a client says of a body. Text that is no hex at all is refused as such; hex of another length is merely a hash that
 * will not match (contract 13.1).
 */
export function requireTreeHash(checksum: string | undefined): string {
  if (checksum === undefined || checksum === "") {
    throw errors.missingParameter("SHA256 tree hash");
  }
  if (!isHexBytes(checksum)) {
    throw errors.invalidTreeHash(checksum);
  }
  return checksum;
}

/** An absent and an empty description are the same: none. */
export function requireDescription(description: string | undefined): string {
  const text = description ?? "";
  if (!isDescription(text)) {
    throw errors.invalidParameter(
      "Invalid archive description: it must not be longer than 1024 bytes, each of them printable ASCII",
    );
  }
  return text;
}

/** Compares both hashes with the bytes that came: the signed one first, since authentication precedes meaning. */
export function contentCheck(sha256: string, treeHash: string): (sizeBytes: number, digest: ContentDigest) => void {
  return (_sizeBytes, digest) => {
    if (digest.sha256 !== sha256.toLowerCase()) {
      throw errors.bodyHashMismatch(digest.sha256, sha256);
    }
    if (digest.treeHash !== treeHash.toLowerCase()) {
      throw errors.checksumMismatch(treeHash, digest.treeHash);
    }
  };
}
