import { createPublicKey, hash, verify } from "node:crypto";
import { type AuditAnchor, AuditChainCheck, type AuditCheckResult, anchorText, parseAnchor } from "@moraine/protocol";
import { UsageError } from "../exit-codes.ts";
import type { AuditTrail } from "./audit-trail.ts";

/** Error thrown when a trail or an anchor is not what it should be. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
}

export async function checkTrail(
  { pruned, rows }: AuditTrail,
  anchors: readonly AuditAnchor[],
): Promise<AuditCheckResult> {
  const check = new AuditChainCheck((text) => hash("sha256", text), pruned, anchors);
  for await (const row of rows) {
    check.push(row);
  }
  return check.finish();
}

/**
 * Reads anchors, one JSON object a line. Throws UsageError for a line that is no anchor, VerificationError for a wrong signature.
 * @param publicKey the key that must have signed all; null for the first anchor's.
 */
export function readAnchors(text: string, publicKey: string | null): readonly AuditAnchor[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) {
    throw new UsageError("The file of anchors is empty");
  }
  const anchors = lines.map(anchorOf);
  const expected = publicKey ?? anchors[0]?.PublicKey;
  anchors.forEach((anchor, index) => {
    if (anchor.PublicKey !== expected) {
      throw new VerificationError(
        `The anchor in line ${index + 1} was signed with another key: ${anchor.PublicKey}, expected ${expected}`,
      );
    }
    if (!isSigned(anchor)) {
      throw new VerificationError(`The anchor in line ${index + 1} has a wrong signature`);
    }
  });
  return anchors;
}

function anchorOf(line: string, index: number): AuditAnchor {
  const anchor = parseAnchor(line);
  if (anchor === null) {
    throw new UsageError(`Line ${index + 1} of the file of anchors is not an anchor`);
  }
  return anchor;
}

function isSigned(anchor: AuditAnchor): boolean {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: anchor.PublicKey }, format: "jwk" });
    return verify(null, Buffer.from(anchorText(anchor)), key, Buffer.from(anchor.Signature, "base64url"));
  } catch {
    return false;
  }
}
