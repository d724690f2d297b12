import { isJsonObject } from "../strict-json.ts";
import { PolicyError } from "./policy-error.ts";

/**
 * Throws PolicyError for a document, as JSON was parsed from it, that a person would read as another than it is: control
 * characters move the cursor of a terminal, and those of bidirectional text show a line in another order.
 */
export function assertVisible(value: unknown): void {
  if (typeof value === "string") {
    const found = hidden.exec(value)?.[0];
    if (found !== undefined) {
      throw new PolicyError(`the policy has the invisible character U+${codeOf(found)}`);
    }
  } else if (Array.isArray(value)) {
    value.forEach(assertVisible);
  } else if (isJsonObject(value)) {
    Object.entries(value).forEach(assertVisible);
  }
}

/** C0, DEL and C1; marks, embeddings, overrides and isolates of bidirectional text; line and paragraph separators. */
const hidden = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

const codeOf = (character: string): string => character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
