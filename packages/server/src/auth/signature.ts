import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from "node:crypto";
import { type CredentialScope, canonicalRequest, stringToSign } from "@moraine/protocol";
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

/** Derived keys hold for a day and a region, so each is derived once; and kept in the form that signs fastest. */
export class SigningKeys {
  readonly #keys = new Map<string, KeyObject>();

  derive(secretAccessKey: string, { date, region, service, terminator }: CredentialScope): KeyObject {
    const name = [secretAccessKey, date, region, service, terminator].join("/");
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = [date, region, service, terminator].reduce(
        (parent, text) => createSecretKey(hmac(parent, text)),
        createSecretKey(`AWS4${secretAccessKey}`, "utf8"),
      );
      this.#remember(name, key);
    }
    return key;
  }

  #remember(name: string, key: KeyObject): void {
    if (this.#keys.size >= cachedKeysMax) {
      this.#keys.clear();
    }
    this.#keys.set(name, key);
  }
}

const cachedKeysMax = 1000;

const hmac = (key: KeyObject, text: string): Buffer => createHmac("sha256", key).update(text).digest();
