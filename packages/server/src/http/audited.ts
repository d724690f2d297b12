import { readClaim } from "../auth/signature-claim.ts";
import type { Incoming } from "./perform.ts";
import type { Reply } from "./wire/encode.ts";
import type { WireRequest } from "./wire/wire-request.ts";

/** Serves a request, and makes sure that the audit trail has the result. */
export async function audited({ audit, request }: Incoming, serve: () => Promise<Reply>): Promise<Reply> {
  try {
    const reply = await serve();
    await audit.done(reply.status);
    return reply;
  } catch (error) {
    audit.failed(error, () => claimedKeyId(request));
    throw error;
  }
}

function claimedKeyId(request: WireRequest): string | null {
  try {
    return readClaim(request).scope.accessKeyId;
  } catch {
    return null;
  }
}
