import { errors } from "@moraine/protocol";
import type { ClaimedSignature, Signed } from "./signature-claim.ts";

/** Whether `x-amz-*` headers of other kinds than the ones below may arrive unsigned. */
export type UnsignedHeaders = "refuse" | "allow";

const contentHashHeader = "x-amz-content-sha256";
const versionHeader = "x-amz-glacier-version";

/**
 * Headers that the signature binds without their being signed: the first is the payload hash of the canonical request, and the
 * second is compared with bytes that the first binds. AWS accepts both unsigned, and rusoto sends them so.
 */
const boundOtherwise: ReadonlySet<string> = new Set([contentHashHeader, "x-amz-sha256-tree-hash"]);

/**
 * Throws InvalidSignatureException unless `host` and every `x-amz-*` header that arrived are signed: an unsigned value could
 * have been added or changed on the way. A header that is signed but did not arrive cannot be right either.
 */
export function assertSignedHeaders(claim: ClaimedSignature, request: Signed, unsignedHeaders: UnsignedHeaders): void {
  const signed = new Set(claim.signedHeaders);
  const arrived = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const unsigned = ["host", ...arrived].filter(
    (name, index) => !signed.has(name) && (index === 0 || mustBeSigned(name, claim, request, unsignedHeaders)),
  );
  if (unsigned.length > 0) {
    throw errors.invalidSignature(
      `There were headers present in the request which were not signed: ${unsigned.join(", ")}`,
    );
  }
  const absent = claim.signedHeaders.filter(
    (name) => !arrived.has(name) && impliedValue(name, claim, request, "") === undefined,
  );
  if (absent.length > 0) {
    throw errors.invalidSignature(
      `There were headers signed which are not present in the request: ${absent.join(", ")}`,
    );
  }
}

/**
 * The value of a signed header that a presigned URL leaves to its user, where only one can be right. The SDK for Go signs the
 * body's hash, and version 2 of JavaScript's signs the version, which also stands in its query.
 */
export function impliedValue(
  name: string,
  claim: ClaimedSignature,
  request: Signed,
  payloadHash: string,
): string | undefined {
  if (claim.form === "header" || request.method !== "GET" || request.header(name) !== undefined) {
    return undefined;
  }
  if (name === contentHashHeader) {
    return payloadHash;
  }
  return name === versionHeader ? request.parameters(versionHeader)[0] : undefined;
}

function mustBeSigned(
  name: string,
  claim: ClaimedSignature,
  { method }: Signed,
  unsignedHeaders: UnsignedHeaders,
): boolean {
  if (unsignedHeaders === "allow" || !name.startsWith("x-amz-") || boundOtherwise.has(name)) {
    return false;
  }
  // The time stands in the string to sign, whichever header carries it.
  if (name === claim.dateHeader) {
    return false;
  }
  // Few SDKs sign the version into a presigned URL; whoever uses the URL may add it.
  return !(name === versionHeader && claim.form === "query" && method === "GET");
}
