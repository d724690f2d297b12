import { hash } from "node:crypto";
import { errors } from "@moraine/protocol";
import { isPresigned } from "../../auth/signature-claim.ts";
import type { WireRequest } from "../wire/wire-request.ts";

/**
 * The hash that the client claims for its body; undefined when it sent none. Throws InvalidSignatureException for
 * `UNSIGNED-PAYLOAD` and the like.
 */
export function claimedHash(request: WireRequest): string | undefined {
  const claimed = request.header("x-amz-content-sha256");
  if (claimed !== undefined && !/^[0-9a-f]{64}$/i.test(claimed)) {
    throw errors.bodyHashMismatch("none", claimed);
  }
  return claimed;
}

/**
 * The payload hash that a client without a claim must have signed: that of the body. AWS's presigner for JavaScript signs
 * `UNSIGNED-PAYLOAD` instead, into the query; that is accepted for a read, whose body means nothing.
 */
export function payloadHash(request: WireRequest, body: Uint8Array): string {
  const isOpen =
    request.method === "GET" &&
    isPresigned(request) &&
    request.parameters("X-Amz-Content-Sha256").includes(unsignedPayload);
  return isOpen ? unsignedPayload : hash("sha256", body);
}

const unsignedPayload = "UNSIGNED-PAYLOAD";

/** Throws InvalidSignatureException when a body that has been read is not the one that was signed. */
export function assertPayload(claimed: string, body: Uint8Array): void {
  const computed = hash("sha256", body);
  if (computed !== claimed.toLowerCase()) {
    throw errors.bodyHashMismatch(computed, claimed);
  }
}

/** An archive is never read before the signature is verified. Of several missing headers, AWS names one, in this order. */
export function missingHash(request: WireRequest): Error {
  if (!request.header("x-amz-glacier-version")) {
    return errors.missingParameter("API version");
  }
  if (!request.header("x-amz-sha256-tree-hash")) {
    return errors.missingParameter("SHA256 tree hash");
  }
  return errors.missingParameter("SHA256 content hash");
}
