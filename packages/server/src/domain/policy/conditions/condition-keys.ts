import { PolicyError } from "../policy-error.ts";

/**
 * The condition keys of a request: lower-case key → its values. A key without a known value is absent. Tags of a vault that differ
 * by case only are one key with several values.
 */
export type Context = ReadonlyMap<string, readonly string[]>;

/** Characters. No value that matters is longer; a header could be, and would multiply with all the patterns of a hostile policy. */
export const valueLengthMax = 1024;

/** Characters of a value of the key. Only clients choose their own user agent. */
export function valueLengthMaxOf(key: string): number {
  return key === "aws:useragent" ? valueLengthMax : shortValueLengthMax;
}

const shortValueLengthMax = 256;

/** The type that an operator reads values as. Every value is a string, so operators on strings suit every key. */
export type ValueKind = "string" | "numeric" | "date" | "boolean" | "binary" | "address" | "arn";

/** Lower-case, as `Context` has them. A key that is not here is refused at write: it could never match. */
const kinds: ReadonlyMap<string, readonly ValueKind[]> = new Map<string, readonly ValueKind[]>([
  ["aws:currenttime", ["date"]],
  ["aws:epochtime", ["date", "numeric"]],
  ["aws:multifactorauthage", ["numeric"]],
  ["aws:multifactorauthpresent", ["boolean"]],
  ["aws:principalaccount", []],
  ["aws:principalarn", ["arn"]],
  ["aws:principaltype", []],
  ["aws:requestedregion", []],
  ["aws:resourceaccount", []],
  ["aws:securetransport", ["boolean"]],
  ["aws:sourceip", ["address"]],
  ["aws:tokenissuetime", ["date"]],
  ["aws:useragent", []],
  ["aws:userid", []],
  ["aws:username", []],
  ["glacier:archiveageindays", ["numeric"]],
]);

/** Followed by the key of a tag: by the rules of docs/wire.md#tags, but without regard to case, like every condition key. */
export const resourceTagPrefix = "glacier:resourcetag/";
const tagKey = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;
const tagKinds: readonly ValueKind[] = ["numeric", "date", "boolean", "binary", "address", "arn"];

/** The key as `Context` has it. Throws PolicyError for a key that no request has. */
export function conditionKey(name: string): string {
  const key = name.toLowerCase();
  if (!kinds.has(key) && !isTag(key)) {
    throw new PolicyError(`unknown condition key: ${name}`);
  }
  return key;
}

/** A condition that its key's values could never meet is a mistake, and in a Deny a dangerous one. */
export function assertKindFits(key: string, kind: ValueKind, operator: string): void {
  const fitting = kinds.get(key) ?? tagKinds;
  if (kind !== "string" && !fitting.includes(kind)) {
    throw new PolicyError(`${operator} cannot compare ${key}`);
  }
}

function isTag(key: string): boolean {
  return key.startsWith(resourceTagPrefix) && tagKey.test(key.slice(resourceTagPrefix.length));
}
