import { isJsonObject } from "../strict-json.ts";
import { PolicyError } from "./policy-error.ts";

// Checks of the form of a document's parts, before their meaning is read. Each throws PolicyError.

export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (!isJsonObject(value)) {
    throw new PolicyError(`${what} must be an object`);
  }
  return value;
}

/** A field that nobody understands could be a misspelt restriction. */
export function assertMembers(object: Record<string, unknown>, known: readonly string[], what: string): void {
  for (const name of Object.keys(object)) {
    if (!known.includes(name)) {
      throw new PolicyError(`${what} has an unknown field: ${name}`);
    }
  }
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") {
    throw new PolicyError(`${what} must be a string`);
  }
  return value;
}

/** One text, or a list of at least one. */
export function textsOf(value: unknown, what: string): readonly string[] {
  return listOf(value, what).map((item) => textOf(item, what));
}

/** IAM's shorthand: a list of one may stand without its brackets. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) {
    throw new PolicyError(`${what} is empty`);
  }
  return list;
}
