import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import {
  type CredentialScope,
  canonicalRequest,
  errors,
  formatScope,
  type GlacierError,
  type SignedRequest,
  stringToSign,
} from "@moraine/protocol";
import type { AccessKey } from "../domain/stores/credential-store.ts";
import { cutTo } from "./cut-text.ts";
import type { ClaimedSignature, Signed } from "./signature-claim.ts";
import { impliedValue } from "./signed-headers.ts";

/** Compares in constant time. The signature counts only as 64 lower-case hexadecimal digits. */
export function signatureMatches(
  claim: ClaimedSignature,
  request: Signed,
  payloadHash: string,
  signingKey: KeyObject,
): boolean {
  if (!/^[0-9a-f]{64}$/.test(claim.signature)) {
    return false;
  }
  const given = Buffer.from(claim.signature, "hex");
  const signed = signedRequest(claim, request, payloadHash);
  // Signers collapse runs of spaces within a value; mt-aws-glacier and old boto2 only trim it.
  return (["collapsed", "trimmed"] as const).some((spaces) => {
    const text = stringToSign(claim.amzDate, claim.scope, hash("sha256", canonicalRequest(signed, spaces)));
    return timingSafeEqual(given, hmac(signingKey, text));
  });
}

/**
 * The error for a signature that does not match. It shows what was expected to be signed, as AWS does, so that the author of a
 * client can compare. Both strings repeat the request and hold no secret. The error's body has at most 8 KiB, as JSON and as XML.
 */
export function signatureMismatch(claim: ClaimedSignature, request: Signed, payloadHash: string): GlacierError {
  const signed = signedRequest(claim, request, payloadHash);
  const canonical = canonicalRequest(signed, "collapsed");
  const toSign = stringToSign(claim.amzDate, claim.scope, hash("sha256", canonical));
  return errors.signatureMismatch(
    `\n\nThe Canonical String for this request should have been\n'${cutTo(canonical, canonicalBytesMax)}'` +
      `\n\nThe String-to-Sign should have been\n'${toSign}'\n`,
  );
}

function signedRequest(claim: ClaimedSignature, request: Signed, payloadHash: string): SignedRequest {
  const { signedHeaders } = claim;
  const implied = signedHeaders.flatMap((name) => {
    const value = impliedValue(name, claim, request, payloadHash);
    return value === undefined ? [] : [[name, value] as const];
  });
  const headers = implied.length === 0 ? request.headers : [...request.headers, ...implied];
  return { ...request, headers, signedHeaders, payloadHash };
}

/** Leaves room for the rest of an error's body of 8 KiB. */
const canonicalBytesMax = 7 * 1024;

/**
 * A derived key holds for a day and a region, so it is derived once and kept in the form that signs fastest: for as long as
 * the credential store keeps the access key itself, and no longer.
 */
export class SigningKeys {
  readonly #derived = new WeakMap<AccessKey, { readonly scope: string; readonly key: KeyObject }>();

  derive(accessKey: AccessKey, scope: CredentialScope): KeyObject {
    const text = formatScope(scope);
    const known = this.#derived.get(accessKey);
    if (known?.scope === text) {
      return known.key;
    }
    const key = [scope.date, scope.region, scope.service, scope.terminator].reduce(
      (parent, part) => createSecretKey(hmac(parent, part)),
      createSecretKey(`AWS4${accessKey.secretAccessKey}`, "utf8"),
    );
    this.#derived.set(accessKey, { scope: text, key });
    return key;
  }
}

const hmac = (key: KeyObject, text: string): Buffer => createHmac("sha256", key).update(text).digest();
