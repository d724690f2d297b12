import { createHmac, hash } from "node:crypto";
import {
  type AccountId,
  type CredentialScope,
  canonicalRequest,
  formatScope,
  parseQuery,
  stringToSign,
} from "@moraine/protocol";
import type { Signed } from "../../src/auth/signature-claim.ts";
import type { AccessKey } from "../../src/domain/stores/credential-store.ts";

/** The key of AWS's own examples. */
export const key: AccessKey = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  accountId: "012345678901" as AccountId,
  user: null,
  session: null,
};
export const now = new Date("2026-11-22T10:20:30Z");
export const amzNow = "20261122T102030Z";
export const amzDateAt = (time: number): string => new Date(time).toISOString().replace(/[-:]|\.[0-9]+/g, "");
export const emptyHash = hash("sha256", "");

/** A request that a test builds, damages and signs in any order it likes. */
export interface Draft {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
}

/** Deviations of a signer from the right way. */
export interface Signing {
  readonly secretAccessKey?: string;
  readonly scope?: Partial<CredentialScope>;
  readonly amzDate?: string;
  /** Value of the date header, where that is not `amzDate`. */
  readonly dateText?: string;
  /** Null sends no date at all. */
  readonly dateHeader?: "x-amz-date" | "date" | null;
  readonly signedHeaders?: readonly string[];
  readonly payloadHash?: string;
  readonly spaces?: "collapsed" | "trimmed";
  /** Between the components of the header. */
  readonly separator?: string;
  readonly expires?: string;
}

export const draft: Draft = {
  method: "GET",
  path: "/-/vaults/photos",
  headers: [
    ["Host", "localhost:8484"],
    ["x-amz-glacier-version", "2012-06-01"],
  ],
};

/** The draft with a date and an Authorization header. */
export function signInHeader(request: Draft, signing: Signing = {}): Draft {
  const { amzDate = amzNow, dateHeader = "x-amz-date", separator = "," } = signing;
  const dated: Draft = {
    ...request,
    headers: dateHeader === null ? request.headers : [...request.headers, [dateHeader, signing.dateText ?? amzDate]],
  };
  const scope = scopeOf(signing, amzDate);
  const signedHeaders = signing.signedHeaders ?? namesOf(dated).filter((name) => name !== "user-agent");
  const signature = signatureOf(dated, { ...signing, amzDate, signedHeaders }, scope);
  const components = [
    `Credential=${scope.accessKeyId}/${formatScope(scope)}`,
    `SignedHeaders=${signedHeaders.join(";")}`,
    `Signature=${signature}`,
  ];
  return withHeader(dated, "Authorization", `AWS4-HMAC-SHA256 ${components.join(separator)}`);
}

/** The draft with the six parameters of a presigned URL. */
export function signInQuery(request: Draft, signing: Signing = {}): Draft {
  const { amzDate = amzNow, expires = "600" } = signing;
  const scope = scopeOf(signing, amzDate);
  const signedHeaders = signing.signedHeaders ?? namesOf(request);
  const parameters = new URLSearchParams(request.query);
  parameters.set("X-Amz-Algorithm", "AWS4-HMAC-SHA256");
  parameters.set("X-Amz-Credential", `${scope.accessKeyId}/${formatScope(scope)}`);
  parameters.set("X-Amz-Date", amzDate);
  parameters.set("X-Amz-Expires", expires);
  parameters.set("X-Amz-SignedHeaders", signedHeaders.join(";"));
  const unsigned = { ...request, query: encodeQuery(parameters) };
  parameters.set("X-Amz-Signature", signatureOf(unsigned, { ...signing, amzDate, signedHeaders }, scope));
  return { ...request, query: encodeQuery(parameters) };
}

/** As clients of AWS write it: a space is no plus. */
export const encodeQuery = (query: URLSearchParams): string => query.toString().replaceAll("+", "%20");

export const withHeader = (request: Draft, name: string, value: string): Draft => ({
  ...request,
  headers: [...request.headers, [name, value]],
});

export const withoutHeader = (request: Draft, unwanted: string): Draft => ({
  ...request,
  headers: request.headers.filter(([name]) => name.toLowerCase() !== unwanted),
});

/** Rewrites one header's value. */
export const editHeader = (request: Draft, wanted: string, edit: (value: string) => string): Draft => ({
  ...request,
  headers: request.headers.map(([name, value]) => [name, name.toLowerCase() === wanted ? edit(value) : value]),
});

/** The view of a request that the verifier takes. */
export function asSigned({ method, path, query = "", headers }: Draft): Signed {
  const values = new Map(headers.map(([name, value]) => [name.toLowerCase(), value]));
  const parameters = (wanted: string) => parseQuery(query).flatMap(([name, value]) => (name === wanted ? [value] : []));
  const header = (name: string) => values.get(name);
  return { method, path, query, headers, header, parameters, address: "192.0.2.1", secure: false };
}

const namesOf = ({ headers }: Draft): string[] =>
  headers.map(([name]) => name.toLowerCase()).sort((a, b) => (a < b ? -1 : 1));

function scopeOf({ scope }: Signing, amzDate: string): CredentialScope {
  return {
    accessKeyId: key.accessKeyId,
    date: amzDate.slice(0, 8),
    region: "us-east-1",
    service: "glacier",
    terminator: "aws4_request",
    ...scope,
  };
}

function signatureOf(request: Draft, signing: Signing & { amzDate: string }, scope: CredentialScope): string {
  const { secretAccessKey = key.secretAccessKey, payloadHash = emptyHash, spaces = "collapsed" } = signing;
  const canonical = canonicalRequest(
    { query: "", ...request, signedHeaders: signing.signedHeaders ?? [], payloadHash },
    spaces,
  );
  const signingKey = [scope.date, scope.region, scope.service, scope.terminator].reduce<string | Buffer>(
    (parent, part) => createHmac("sha256", parent).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  return createHmac("sha256", signingKey)
    .update(stringToSign(signing.amzDate, scope, hash("sha256", canonical)))
    .digest("hex");
}
