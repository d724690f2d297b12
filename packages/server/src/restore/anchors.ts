import { createPublicKey, verify } from "node:crypto";
import { type AuditAnchor, anchorText, parseAnchor } from "@moraine/protocol";
import { RestoreError } from "./restore-error.ts";

/**
 * Reads signed heads of an audit trail, one JSON object a line. Throws when one is no anchor, or is not signed by the key.
 * @param publicKey null for the key of the first anchor.
 */
export function readAnchors(text: string, publicKey: string | null): readonly AuditAnchor[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const anchors = lines.map(anchorOf);
  const [first] = anchors;
  if (first === undefined) {
    throw new RestoreError("The file of anchors is empty");
  }
  const wrong = anchors.findIndex((anchor) => !isSigned(anchor, publicKey ?? first.PublicKey));
  if (wrong >= 0) {
    throw new RestoreError(`The anchor in line ${wrong + 1} is not signed by ${publicKey ?? first.PublicKey}`);
  }
  return anchors;
}

function anchorOf(line: string, index: number): AuditAnchor {
  const anchor = parseAnchor(line);
  if (anchor === null) {
    throw new RestoreError(`Line ${index + 1} of the file of anchors is not an anchor`);
  }
  return anchor;
}

function isSigned(anchor: AuditAnchor, publicKey: string): boolean {
  try {
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
    return verify(null, Buffer.from(anchorText(anchor)), key, Buffer.from(anchor.Signature, "base64url"));
  } catch {
    return false;
  }
}
