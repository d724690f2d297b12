import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import { type CredentialScope, canonicalRequest, formatScope, stringToSign } from "@moraine/protocol";
import type { AccessKey } from "../domain/credential-store.ts";
import type { Claim, Signed } from "./claim.ts";

/** Compares in constant time. The signature counts only as 64 lower-case hexadecimal digits. */
export function signatureMatches(claim: Claim, request: Signed, payloadHash: string, signingKey: KeyObject): boolean {
  if (!/^[0-9a-f]{64}$/.test(claim.signature)) {
    return false;
  }
  const given = Buffer.from(claim.signature, "hex");
  const signed = { ...request, signedHeaders: claim.signedHeaders, payloadHash };
  // Signers collapse runs of spaces within a value; mt-aws-glacier and old boto2 only trim it.
  return (["collapsed", "trimmed"] as const).some((spaces) => {
    const text = stringToSign(claim.amzDate, claim.scope, hash("sha256", canonicalRequest(signed, spaces)));
    return timingSafeEqual(given, hmac(signingKey, text));
  });
}

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
