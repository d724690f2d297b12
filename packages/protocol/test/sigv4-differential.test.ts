import assert from "node:assert/strict";
import { createHash, createHmac, hash } from "node:crypto";
import { test } from "node:test";
import { canonicalRequest, parseAuthorizationHeader, parseCredential, stringToSign } from "@moraine/protocol";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";

// AWS's own signer signs; we compute the same signature from what the wire would carry.

const secretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const signingDate = new Date("2026-11-22T10:20:30Z");
const amzDate = "20261122T102030Z";

class Sha256 {
  readonly #hash: { update(data: Uint8Array | string): unknown; digest(): Buffer };
  constructor(secret?: string | Uint8Array | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Uint8Array);
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {
    throw new Error("never needed");
  }
}

const signer = new SignatureV4({
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey },
  region: "us-east-1",
  service: "glacier",
  sha256: Sha256,
});

const text = fc.string({ unit: "grapheme", maxLength: 6 });
const queryName = fc
  .oneof(fc.constantFrom("limit", "marker", "a", "A", "a-", "ab", "é", "+", "x y"), text)
  .filter((name) => name !== "__proto__");
const query = fc.dictionary(queryName, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 4 })), { maxKeys: 5 });
const segment = fc.oneof(
  fc.constantFrom(
    "",
    ".",
    "..",
    "...",
    "-",
    "vaults",
    "%2F",
    "%2e%2e",
    "%25",
    "%C3%A9",
    "a+b",
    "a b",
    "!*'()",
    "~",
    "a:b@c",
    "é",
    "a;b=c",
  ),
  text.filter((part) => !/[/?#]/.test(part)),
);
const path = fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join("/")}`);
const headerValue = fc
  .array(fc.constantFrom("a", "B", " ", "  ", "\t", ",", ";", "=", "é", "\u00a0", '"'), { maxLength: 10 })
  .map((parts) => parts.join(""));
const headers = fc.dictionary(fc.stringMatching(/^X-Amz-Meta-[A-Za-z0-9]{1,3}$/), headerValue, { maxKeys: 4 });
const method = fc.constantFrom("GET", "PUT", "POST", "DELETE");
/** How a client may write what it has signed: some letters needlessly encoded, digits in lower case. */
const style = fc.constantFrom(encodeStrictly, encodeEverything);

test("requests that AWS's client signs in their headers have the signature that we compute", async () => {
  await fc.assert(
    fc.asyncProperty(method, path, query, headers, style, async (verb, wirePath, parameters, extra, encode) => {
      const sent = {
        method: verb,
        protocol: "https:",
        hostname: "glacier.us-east-1.amazonaws.com",
        path: wirePath,
        query: parameters,
        headers: {
          host: "glacier.us-east-1.amazonaws.com",
          "x-amz-glacier-version": "2012-06-01",
          ...withoutTwins(extra),
        },
      };
      const signed = await signer.sign(sent, { signingDate });
      const signedFields = new Map(Object.entries(signed.headers));
      const authorization = parseAuthorizationHeader(signedFields.get("authorization") ?? "");
      const canonical = canonicalRequest(
        {
          method: verb,
          path: wirePath,
          query: wireQuery(parameters, encode),
          headers: [...signedFields],
          signedHeaders: authorization.signedHeaders,
          payloadHash: signedFields.get("x-amz-content-sha256") ?? "",
        },
        "collapsed",
      );
      assert.equal(signatureOf(authorization.credential, canonical), authorization.signature, canonical);
    }),
    { numRuns: 500 },
  );
});

test("requests that AWS's client presigns have the signature that we compute", async () => {
  await fc.assert(
    fc.asyncProperty(path, query, style, async (wirePath, parameters, encode) => {
      const sent = {
        method: "GET",
        protocol: "https:",
        hostname: "glacier.us-east-1.amazonaws.com",
        path: wirePath,
        query: parameters,
        headers: { host: "glacier.us-east-1.amazonaws.com", "x-amz-glacier-version": "2012-06-01" },
      };
      const unhoistableHeaders = new Set(["x-amz-glacier-version"]);
      const signed = await signer.presign(sent, { signingDate, unhoistableHeaders, expiresIn: 600 });
      const parameter = (name: string) => String(signed.query?.[name]);
      const canonical = canonicalRequest(
        {
          method: "GET",
          path: wirePath,
          query: wireQuery(signed.query as Record<string, string | string[]>, encode),
          headers: Object.entries(signed.headers),
          signedHeaders: parameter("X-Amz-SignedHeaders").split(";"),
          payloadHash: hash("sha256", ""),
        },
        "collapsed",
      );
      assert.equal(signatureOf(parameter("X-Amz-Credential"), canonical), parameter("X-Amz-Signature"), canonical);
    }),
    { numRuns: 300 },
  );
});

function signatureOf(credential: string, canonical: string): string {
  const scope = parseCredential(credential);
  assert.ok(scope);
  const key = [scope.date, scope.region, scope.service, scope.terminator].reduce<string | Buffer>(
    (signingKey, part) => createHmac("sha256", signingKey).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  return createHmac("sha256", key)
    .update(stringToSign(amzDate, scope, hash("sha256", canonical)))
    .digest("hex");
}

function wireQuery(parameters: Record<string, string | string[]>, encode: (part: string) => string): string {
  return Object.entries(parameters)
    .flatMap(([name, values]) => [values].flat().map((value) => `${encode(name)}=${encode(value)}`))
    .join("&");
}

function encodeStrictly(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function encodeEverything(part: string): string {
  return [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

/** Names that differ in case alone would be one header on the wire but two for the signer. */
function withoutTwins(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(new Map(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value])));
}
