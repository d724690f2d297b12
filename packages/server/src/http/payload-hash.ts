import { hash } from "node:crypto";
import { errors, type Operation } from "@moraine/protocol";
import type { WireRequest } from "./wire-request.ts";

interface WithBody {
  readonly operation: Pick<Operation, "request">;
}

/** The hash that the client signed for its body; undefined when it sent none. */
export const claimedHash = (request: WireRequest): string | undefined => request.header("x-amz-content-sha256");

/**
 * The body hash that goes into the canonical request: the claimed one, or that of the body. Throws InvalidSignatureException
 * for `UNSIGNED-PAYLOAD` and its like, before any of the body counts.
 */
export function payloadHash({ operation }: WithBody, request: WireRequest, json: Uint8Array): string {
  const claimed = claimedHash(request);
  if (claimed === undefined) {
    if (operation.request === "bytes") {
      throw missingHash(request);
    }
    return hash("sha256", json);
  }
  if (!/^[0-9a-f]{64}$/i.test(claimed)) {
    throw errors.bodyHashMismatch("none", claimed);
  }
  return claimed;
}

/** A claim about a body that has been read is checked at once; archives and parts are checked as they are stored. */
export function assertPayload({ operation }: WithBody, request: WireRequest, json: Uint8Array): void {
  const claimed = claimedHash(request);
  if (operation.request === "bytes" || claimed === undefined) {
    return;
  }
  const computed = hash("sha256", json);
  if (computed !== claimed.toLowerCase()) {
    throw errors.bodyHashMismatch(computed, claimed);
  }
}

/** Without it the signature cannot be judged before the body has come. Of several missing headers, one is named first (contract 2.3). */
function missingHash(request: WireRequest): Error {
  if (!request.header("x-amz-glacier-version")) {
    return errors.missingParameter("API version");
  }
  if (!request.header("x-amz-sha256-tree-hash")) {
    return errors.missingParameter("SHA256 tree hash");
  }
  return errors.missingParameter("SHA256 content hash");
}
