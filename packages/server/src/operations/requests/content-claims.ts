import { errors, isDescription, isHexBytes } from "@moraine/protocol";
import type { ContentDigest } from "../../segments/hashing/content-hash.ts";

/** @param name in words, for the error. A missing value is reported before a wrong one: docs/wire.md#order-of-checks */
export function requireHeader(value: string | undefined, name: string): string {
  if (value === undefined || value === "") {
    throw errors.missingParameter(name);
  }
  return value;
}

export const requireTreeHash = (checksum: string | undefined): string => requireHeader(checksum, "SHA256 tree hash");

/** A string that is not hex is refused as such; hex of another length is just a hash that will not match: docs/wire.md#archives */
export function assertHex(treeHash: string): void {
  if (!isHexBytes(treeHash)) {
    throw errors.invalidTreeHash(treeHash);
  }
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
