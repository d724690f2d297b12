import { createHash, type KeyObject } from "node:crypto";
import type { TargetDocuments } from "../targets/target.ts";
import { manifestName, publicKeyName, signatureName, signedName, sumsName } from "./document-names.ts";
import { fingerprintOf, isSigned, readPublicKey, type SigningKey } from "./signing-key.ts";
import { sumLine } from "./sum-line.ts";

/** The documents that a signature covers: their hashes are signed, since Ed25519 takes a message as a whole. */
const signedDocuments = [manifestName, sumsName];
/** The hashes of two documents, a key, a signature. */
const smallBytesMax = 64 * 1024;

/**
 * Signs the manifest and SHA256SUMS. Their hashes are in MANIFEST.sha256, in the form of sha256sum; MANIFEST.sig is its signature (64 bytes in
 * base64), MANIFEST.pub the public key.
 */
export async function signManifest(documents: TargetDocuments, key: SigningKey): Promise<void> {
  const sums = await hashesOf(documents);
  await documents.write(signedName, only(sums));
  await documents.write(publicKeyName, only(key.publicKey));
  await documents.write(signatureName, only(`${key.sign(Buffer.from(sums)).toString("base64")}\n`));
}

/** The result of a signature's check: none exists, it is right, or it is wrong for a reason that completes "the signature …". */
export type SignatureState =
  | { readonly state: "none" }
  | {
      readonly state: "valid";
      readonly fingerprint: string /** Whether the caller has named the key. */;
      readonly isTrusted: boolean;
    }
  | { readonly state: "invalid"; readonly reason: string };

/**
 * Verifies the signature of a manifest, and that the documents have not changed since.
 *
 * @param trusted the key that must have signed it. Without one, the key next to the signature is used, which only shows that the documents
 * belong together.
 */
export async function checkSignature(documents: TargetDocuments, trusted: KeyObject | null): Promise<SignatureState> {
  const [signed, signature] = [await smallText(documents, signedName), await smallText(documents, signatureName)];
  if (signed === null || signature === null) {
    const isLost = trusted !== null || signed !== null || signature !== null;
    return isLost ? { state: "invalid", reason: "is missing" } : { state: "none" };
  }
  const key = trusted ?? (await ownKey(documents));
  if (key === null) {
    return { state: "invalid", reason: `has no public key: ${publicKeyName} is missing or damaged` };
  }
  if (!isSigned(Buffer.from(signed), Buffer.from(signature, "base64"), key)) {
    return { state: "invalid", reason: `is not that of the key ${fingerprintOf(key)} for ${signedName}` };
  }
  return signed === (await hashesOf(documents))
    ? { state: "valid", fingerprint: fingerprintOf(key), isTrusted: trusted !== null }
    : { state: "invalid", reason: "is right, but the documents have changed since they were signed" };
}

async function hashesOf(documents: TargetDocuments): Promise<string> {
  const lines: string[] = [];
  for (const name of signedDocuments) {
    const bytes = await documents.read(name);
    if (bytes !== null) {
      lines.push(sumLine(await sha256Of(bytes), name));
    }
  }
  return lines.join("");
}

async function sha256Of(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const digest = createHash("sha256");
  for await (const piece of bytes) {
    digest.update(piece);
  }
  return digest.digest("hex");
}

async function ownKey(documents: TargetDocuments): Promise<KeyObject | null> {
  const pem = await smallText(documents, publicKeyName);
  try {
    return pem === null ? null : readPublicKey(pem, publicKeyName);
  } catch {
    return null;
  }
}

async function smallText(documents: TargetDocuments, name: string): Promise<string | null> {
  const pieces = await documents.read(name);
  if (pieces === null) {
    return null;
  }
  const all: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const piece of pieces) {
    all.push(piece);
    sizeBytes += piece.length;
    if (sizeBytes > smallBytesMax) {
      break;
    }
  }
  return Buffer.concat(all).toString();
}

async function* only(text: string): AsyncGenerator<string, void, void> {
  yield text;
}
