import {
  algorithm,
  type CredentialScope,
  errors,
  formatAmzDate,
  limits,
  parseAmzDate,
  parseAuthorizationHeader,
  parseCredential,
} from "@moraine/protocol";
import { parseDateHeader } from "./date-header.ts";

/** The parts of a request that its signature is about, as they stood on the wire. */
export interface Signed {
  readonly method: string;
  /** The path up to the `?`. */
  readonly path: string;
  /** The part after the `?`; empty without one. */
  readonly query: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined;
  /** All values of a query parameter, decoded once. */
  parameters(name: string): readonly string[];
  /** The other end of the connection, or the client that a trusted proxy names. */
  readonly address: string;
  /** Whether it came over TLS. */
  readonly secure: boolean;
}

/** The statements of a request about its signature. None of them has been checked yet. */
export interface ClaimedSignature {
  readonly form: "header" | "query";
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `signedAt` as it stands in the string to sign, whatever form it had on the wire. */
  readonly amzDate: string;
  readonly signedAt: Date;
  /** How long the signature holds from `signedAt` on. */
  readonly lifeSeconds: number;
  /** The header that carries the time; undefined in a presigned URL. */
  readonly dateHeader: "x-amz-date" | "date" | undefined;
  readonly securityToken: string | undefined;
}

/** Whether a request is meant for the API at all, rather than for a page of the server's own. */
export function carriesSignature(request: Pick<Signed, "header" | "parameters">): boolean {
  return request.header("authorization") !== undefined || isPresigned(request);
}

/**
 * Finds the one form of authentication that a request carries. Throws BadRequest when it carries two,
 * MissingAuthenticationTokenException when none, IncompleteSignatureException when one lacks a component.
 */
export function readClaim(request: Signed): ClaimedSignature {
  const authorization = request.header("authorization");
  const presigned = isPresigned(request);
  if (authorization !== undefined && presigned) {
    throw errors.badRequest("A request is signed in its header or in its query, not in both");
  }
  if (authorization !== undefined) {
    return headerClaim(request, authorization);
  }
  if (presigned) {
    return queryClaim(request);
  }
  throw errors.missingAuthenticationToken();
}

export function isPresigned({ parameters }: Pick<Signed, "parameters">): boolean {
  return ["X-Amz-Algorithm", "X-Amz-Signature", "X-Amz-Credential"].some((name) => parameters(name).length > 0);
}

function headerClaim(request: Signed, authorization: string): ClaimedSignature {
  const { credential, signedHeaders, signature } = parseAuthorizationHeader(authorization);
  const { dateHeader, signedAt } = headerDate(request, authorization);
  return {
    form: "header",
    scope: scopeOf(credential),
    signedHeaders,
    signature,
    amzDate: formatAmzDate(signedAt),
    signedAt,
    lifeSeconds: limits.clockSkewSeconds,
    dateHeader,
    securityToken: request.header("x-amz-security-token"),
  };
}

/** `x-amz-date` has one form; `Date` alone may have an older one. */
function headerDate({ header }: Signed, authorization: string): { dateHeader: "x-amz-date" | "date"; signedAt: Date } {
  const dateHeader = header("x-amz-date") === undefined ? "date" : "x-amz-date";
  const text = header(dateHeader);
  if (text === undefined) {
    throw errors.incompleteSignature(
      `Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=${authorization}`,
    );
  }
  const signedAt = dateHeader === "date" ? parseDateHeader(text) : parseAmzDate(text);
  if (signedAt === undefined) {
    throw errors.incompleteSignature(
      `Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    );
  }
  return { dateHeader, signedAt };
}

function queryClaim(request: Signed): ClaimedSignature {
  const { parameters } = request;
  const component = (name: string): string => {
    const [value, ...more] = parameters(name);
    if (value === undefined || value === "" || more.length > 0) {
      throw errors.incompleteSignature(`AWS query-string parameters must include '${name}', once.`);
    }
    return value;
  };
  if (component("X-Amz-Algorithm") !== algorithm) {
    throw errors.incompleteSignature(`Unsupported AWS 'algorithm': '${component("X-Amz-Algorithm")}'.`);
  }
  const scope = scopeOf(component("X-Amz-Credential"));
  const signature = component("X-Amz-Signature");
  const signedHeaders = component("X-Amz-SignedHeaders").split(";");
  const amzDate = component("X-Amz-Date");
  const signedAt = parseAmzDate(amzDate);
  if (signedAt === undefined) {
    throw errors.incompleteSignature(`X-Amz-Date must be of the form YYYYMMDDTHHMMSSZ: ${amzDate}`);
  }
  const lifeSeconds = parseLife(component("X-Amz-Expires"));
  return {
    form: "query",
    scope,
    signedHeaders,
    signature,
    amzDate,
    signedAt,
    lifeSeconds,
    dateHeader: undefined,
    securityToken: queryToken(request),
  };
}

/** A header says it too, if a client put it there and signed that. */
function queryToken({ parameters, header }: Signed): string | undefined {
  const tokens = [...parameters("X-Amz-Security-Token"), header("x-amz-security-token") ?? []].flat();
  if (tokens.length > 1) {
    throw errors.incompleteSignature("A request must not have more than one security token.");
  }
  return tokens[0];
}

function parseLife(text: string): number {
  const seconds = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds < limits.presignedSecondsMin || seconds > limits.presignedSecondsMax) {
    throw errors.incompleteSignature(
      `X-Amz-Expires must be between ${limits.presignedSecondsMin} and ${limits.presignedSecondsMax} seconds: ${text}`,
    );
  }
  return seconds;
}

function scopeOf(credential: string): CredentialScope {
  const scope = parseCredential(credential);
  if (scope === undefined) {
    throw errors.incompleteSignature(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  return scope;
}
