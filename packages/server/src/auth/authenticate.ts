import { errors, formatAmzDate, limits } from "@moraine/protocol";
import type { AccessKey, CredentialStore } from "../domain/stores/credential-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import { type Caller, callerOf } from "./caller.ts";
import type { FailureLimiter } from "./failure-limiter.ts";
import { isToken } from "./new-credentials.ts";
import { SigningKeys, signatureMatches, signatureMismatch } from "./signature.ts";
import { type ClaimedSignature, readClaim, type Signed } from "./signature-claim.ts";
import { assertSignedHeaders, type UnsignedHeaders } from "./signed-headers.ts";

export interface AuthenticateOptions {
  readonly credentials: CredentialStore;
  readonly region: string;
  /** Which API a signature must be made for: one for the vaults does not open the admin's, nor the other way round. */
  readonly service: "glacier" | "moraine" | "sts";
  /** Which requests may be signed in their query: none, those that change nothing, or all. */
  readonly presigned: "off" | "reads" | "all";
  readonly unsignedHeaders: UnsignedHeaders;
  readonly failures: FailureLimiter;
  /** The system's time: a signature is compared with a client's clock, never with one that tests may move. */
  systemNow(): Date;
}

/** A caller whose claim is well-formed, current and made with a known key. Only its signature has not been verified yet. */
export interface IdentifiedCaller extends Disposable {
  /** The signature of the claim, and until when it is accepted. Compared with nothing before `verify`. */
  readonly claimed: { readonly signature: string; readonly expiresAt: Instant };
  /** Throws InvalidSignatureException. @param payloadHash the body's hash as the canonical request has it */
  verify(payloadHash: string): Caller;
  /** False once identities have changed since the key was looked up, the caller's or others'. */
  isCurrent(): boolean;
  /** Looks the key up again. Throws UnrecognizedClientException when it is no longer active. */
  renew(): Promise<void>;
}

export type Identify = (request: Signed) => Promise<IdentifiedCaller>;

/**
 * Verifies Signature Version 4, from the header or a presigned query, against the request as it stood on the wire, in two
 * steps: the body between them is not read for a caller who fails the first. The order of the checks is AWS's; each failure
 * has its own code, and none lets the request through.
 */
export function authenticator(options: AuthenticateOptions): Identify {
  const { failures, credentials } = options;
  const signingKeys = new SigningKeys();
  return async (request) => {
    const claim = readClaim(request);
    const { accessKeyId } = claim.scope;
    const attempt = failures.begin(accessKeyId, request.address);
    let state = credentials.state();
    try {
      const key = await findKey(options, claim, request);
      const { signature, signedAt, lifeSeconds } = claim;
      return {
        claimed: { signature, expiresAt: signedAt.getTime() + lifeSeconds * 1000 },
        verify(payloadHash) {
          if (!signatureMatches(claim, request, payloadHash, signingKeys.derive(key, claim.scope))) {
            // To put the details together costs more than to verify.
            throw attempt.failed(
              attempt.isThrottled ? errors.signatureMismatch() : signatureMismatch(claim, request, payloadHash),
            );
          }
          attempt[Symbol.dispose]();
          return callerOf(key);
        },
        isCurrent: () => credentials.isCurrent(state),
        async renew() {
          state = credentials.state();
          if ((await credentials.findAccessKey(accessKeyId)) === null) {
            throw errors.unrecognizedClient();
          }
        },
        [Symbol.dispose]: () => attempt[Symbol.dispose](),
      };
    } catch (error) {
      throw attempt.failed(error);
    }
  };
}

/** Finds the key that a claim names, and checks everything that the claim says except its signature. */
async function findKey(
  { credentials, region, service, presigned, unsignedHeaders, systemNow }: AuthenticateOptions,
  claim: ClaimedSignature,
  request: Signed,
): Promise<AccessKey> {
  const key = await credentials.findAccessKey(claim.scope.accessKeyId);
  if (key === null) {
    throw errors.unrecognizedClient();
  }
  assertToken(claim, key, systemNow());
  assertFormAllowed(claim, request.method, presigned);
  assertCurrent(claim, systemNow());
  assertScope(claim, region, service);
  assertSignedHeaders(claim, request, unsignedHeaders);
  return key;
}

/** A session's key needs its token, and no other key may have one. */
function assertToken({ securityToken }: ClaimedSignature, { session }: AccessKey, now: Date): void {
  if (session === null ? securityToken !== undefined : !isToken(securityToken ?? "", session.tokenHash)) {
    throw errors.unrecognizedClient();
  }
  if (session !== null && session.expiresAt <= now.getTime()) {
    throw errors.expiredToken();
  }
}

function assertFormAllowed(claim: ClaimedSignature, method: string, presigned: AuthenticateOptions["presigned"]): void {
  const allowed = claim.form === "header" || presigned === "all" || (presigned === "reads" && method === "GET");
  if (!allowed) {
    throw errors.accessDenied("Presigned URLs are not accepted for this request");
  }
}

function assertCurrent({ signedAt, amzDate, lifeSeconds }: ClaimedSignature, now: Date): void {
  const skew = limits.clockSkewSeconds;
  const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);
  if (signedAt.getTime() < at(-lifeSeconds).getTime()) {
    const window = lifeSeconds % 60 === 0 ? `${lifeSeconds / 60} min.` : `${lifeSeconds} s.`;
    throw errors.invalidSignature(
      `Signature expired: ${amzDate} is now earlier than ${formatAmzDate(at(-lifeSeconds))} (${formatAmzDate(now)} - ${window})`,
    );
  }
  if (signedAt.getTime() > at(skew).getTime()) {
    throw errors.invalidSignature(
      `Signature not yet current: ${amzDate} is still later than ${formatAmzDate(at(skew))} (${formatAmzDate(now)} + ${skew / 60} min.)`,
    );
  }
}

function assertScope({ scope, amzDate }: ClaimedSignature, region: string, service: string): void {
  const day = amzDate.slice(0, 8);
  const wrong =
    (scope.date !== day &&
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope.date}' != '${day}', from '${amzDate}'.`) ||
    (scope.region !== region &&
      // The endpoint of STS that serves all regions signs for this one.
      !(service === "sts" && scope.region === "us-east-1") &&
      `Credential should be scoped to a valid region, not '${scope.region}'. `) ||
    (scope.service !== service && `Credential should be scoped to correct service: '${service}'. `) ||
    (scope.terminator !== "aws4_request" &&
      `Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.terminator}'. `);
  if (wrong !== false) {
    throw errors.invalidSignature(wrong);
  }
}
