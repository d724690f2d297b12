import assert from "node:assert/strict";
import { GlacierError } from "@moraine/protocol";
import { type AuthenticateOptions, authenticator } from "../../src/auth/authenticate.ts";
import type { Caller } from "../../src/auth/caller.ts";
import { FailureLimiter } from "../../src/auth/failure-limiter.ts";
import { asSigned, type Draft, emptyHash, key, now } from "./signing.ts";

export interface Verifying extends Partial<AuthenticateOptions> {
  readonly payloadHash?: string;
}

/** Runs the server's own verifier, which knows one key. */
export async function verify(request: Draft, { payloadHash = emptyHash, ...options }: Verifying = {}): Promise<Caller> {
  const identify = authenticator({
    credentials: {
      state: () => ({ version: 0, readAt: 0 }),
      isCurrent: () => true,
      findAccessKey: async (id) => (id === key.accessKeyId ? key : null),
    },
    region: "us-east-1",
    service: "glacier",
    presigned: "reads",
    unsignedHeaders: "refuse",
    failures: new FailureLimiter({ burst: 100, perSecond: 1 }),
    systemNow: () => now,
    ...options,
  });
  return (await identify(asSigned(request))).verify(payloadHash);
}

export async function assertAccepted(request: Draft, options?: Verifying): Promise<void> {
  const { accountId, accessKeyId } = key;
  const principal = { kind: "root", accountId };
  const caller = { accountId, principal, user: null, accessKeyId, session: null };
  assert.deepEqual(await verify(request, options), caller);
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string | RegExp;
}

export async function assertRefused(request: Draft, expected: Refusal, options?: Verifying): Promise<void> {
  await assert.rejects(verify(request, options), (error: unknown) => {
    assert.ok(error instanceof GlacierError, String(error));
    assert.equal(error.code, expected.code, error.message);
    assert.equal(error.status, expected.status);
    if (typeof expected.message === "string") {
      assert.equal(error.message, expected.message);
    } else {
      assert.match(error.message, expected.message);
    }
    return true;
  });
}

export const mismatch: Refusal = {
  status: 403,
  code: "InvalidSignatureException",
  message:
    /^The request signature we calculated does not match the signature you provided\. Check your AWS Secret Access Key and signing method\. Consult the service documentation for details\.\n\nThe Canonical String for this request should have been\n'/,
};
export const incomplete = (message: string | RegExp): Refusal => ({
  status: 400,
  code: "IncompleteSignatureException",
  message,
});
export const invalidSignature = (message: string | RegExp): Refusal => ({
  status: 403,
  code: "InvalidSignatureException",
  message,
});
