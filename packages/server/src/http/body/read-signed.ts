import type { Operation } from "@moraine/protocol";
import type { IdentifiedCaller } from "../../auth/authenticate.ts";
import type { Caller } from "../../auth/caller.ts";
import type { WireRequest } from "../wire/wire-request.ts";
import { assertPayload, claimedHash, missingHash, payloadHash } from "./payload-hash.ts";
import type { ShortBody } from "./short-body.ts";

interface BoundedBody {
  readonly body: Pick<ShortBody, "read">;
  readonly sizeBytesMax: number;
}

interface Signed {
  readonly caller: Caller;
  /** Empty where the body is an archive's or a part's: those are compared with their hash as they are stored. */
  readonly json: Uint8Array;
}

/**
 * Reads the body and verifies the signature. A client that sent its body's hash is verified first, so that nothing is read for
 * one whose signature is wrong; the body must then be the one that was signed. Without the hash the body is needed first.
 */
export async function readSigned(
  { verify }: IdentifiedCaller,
  { request: kind }: Pick<Operation, "request">,
  request: WireRequest,
  { body, sizeBytesMax }: BoundedBody,
): Promise<Signed> {
  const claimed = claimedHash(request);
  if (claimed === undefined) {
    if (kind === "bytes") {
      throw missingHash(request);
    }
    const json = await body.read({ sizeBytesMax, isVerified: false });
    return { caller: verify(payloadHash(request, json)), json };
  }
  const caller = verify(claimed);
  if (kind === "bytes") {
    return { caller, json: noBytes };
  }
  const json = await body.read({ sizeBytesMax, isVerified: true });
  assertPayload(claimed, json);
  return { caller, json };
}

const noBytes = new Uint8Array();
