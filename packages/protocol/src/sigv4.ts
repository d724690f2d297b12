import { errors } from "./errors.ts";

/** The only algorithm of the vault API; its hashes and keys are left to the environment. */
export const algorithm = "AWS4-HMAC-SHA256";

/** The key that signed, and the purpose: `{accessKeyId}/{date}/{region}/{service}/{terminator}` on the wire. */
export interface CredentialScope {
  readonly accessKeyId: string;
  /** `YYYYMMDD`. */
  readonly date: string;
  readonly region: string;
  /** `glacier`, if the request is meant for this API. */
  readonly service: string;
  /** `aws4_request`. */
  readonly terminator: string;
}

/** The text that the signing key signs. `amzDate` as on the wire, the hash in lowercase hexadecimal digits. */
export function stringToSign(amzDate: string, scope: CredentialScope, canonicalRequestHash: string): string {
  return [algorithm, amzDate, formatScope(scope), canonicalRequestHash].join("\n");
}

/** The scope without the access key. */
export function formatScope(scope: CredentialScope): string {
  return [scope.date, scope.region, scope.service, scope.terminator].join("/");
}

/**
 * Reads the five parts of a credential, from the header or from a presigned query; undefined if they are not five or
 * one is empty. Whether date, region, service and terminator are the right ones is the caller's to say.
 */
export function parseCredential(text: string): CredentialScope | undefined {
  const [accessKeyId, date, region, service, terminator, ...rest] = text.split("/");
  if (!(accessKeyId && date && region && service && terminator) || rest.length > 0) return undefined;
  return { accessKeyId, date, region, service, terminator };
}

/** The parts of an Authorization header, before any of them is trusted. */
export interface Authorization {
  /** For {@link parseCredential}. */
  readonly credential: string;
  /** Lowercase, in the order given. */
  readonly signedHeaders: readonly string[];
  /** Any text: one that is not 64 lowercase hexadecimal digits is simply a wrong signature. */
  readonly signature: string;
}

/**
 * Reads `AWS4-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…`, the components in any order, with or without white
 * space or a folded line between them. Throws IncompleteSignatureException for another algorithm, and for a component
 * that is missing, empty, given twice or unknown.
 */
export function parseAuthorizationHeader(value: string): Authorization {
  const components = parseComponents(value);
  const credential = components.get("Credential");
  const signature = components.get("Signature");
  const signedHeaders = components.get("SignedHeaders");
  if (!(credential && signature && signedHeaders)) throw missingComponents(value, components);
  return { credential, signedHeaders: signedHeaders.toLowerCase().split(";"), signature };
}

/** `YYYYMMDDTHHMMSSZ`, to the second. */
export function formatAmzDate(date: Date): string {
  return date.toISOString().replace(/[-:]|\.[0-9]+/g, "");
}

/** Reads `YYYYMMDDTHHMMSSZ`; undefined for any other form and for days and times that do not exist. */
export function parseAmzDate(text: string): Date | undefined {
  const match = /^([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hours, minutes, seconds] = match;
  const date = new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  // Date takes 30 February for 1 March, so compare.
  return !Number.isNaN(date.getTime()) && formatAmzDate(date) === text ? date : undefined;
}

function parseComponents(header: string): Map<string, string> {
  const components = new Map<string, string>();
  const space = header.search(/\s/);
  // In a header for another algorithm the service finds no component at all.
  if (header.slice(0, space) !== algorithm) return components;
  for (const part of header.slice(space).split(",")) {
    const [name, text] = parsePair(part.trim(), header);
    if (components.has(name))
      throw errors.incompleteSignature(`'${name}' is duplicated in Authorization header: '${header}'.`);
    components.set(name, text);
  }
  return components;
}

function parsePair(pair: string, header: string): [name: string, text: string] {
  const equals = pair.indexOf("=");
  if (equals < 0) {
    throw errors.incompleteSignature(
      `'${pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '${header}'.`,
    );
  }
  const name = pair.slice(0, equals);
  if (!(componentNames as readonly string[]).includes(name)) {
    throw errors.incompleteSignature(`'${name}' is not known in Authorization header: '${header}'.`);
  }
  return [name, pair.slice(equals + 1)];
}

/** In the order in which AWS names those that are missing. */
const componentNames = ["Credential", "Signature", "SignedHeaders"] as const;

function missingComponents(header: string, components: ReadonlyMap<string, string>): Error {
  const sentences = componentNames
    .filter((name) => !components.get(name))
    .map((name) => `Authorization header requires '${name}' parameter.`);
  return errors.incompleteSignature([...sentences, `Authorization=${header}`].join(" "));
}
