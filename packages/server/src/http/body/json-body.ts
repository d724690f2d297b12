import { errors, parseLossless } from "@moraine/protocol";

import { JsonError, parseStrictJson } from "../../domain/strict-json.ts";

/** No request needs more: 10 tags, or the conditions of a simulation. */
const valuesMax = 1000;

/** Reads a JSON object, its integers exactly. Throws SerializationException for what is not UTF-8, or not strict JSON (`domain/strict-json.ts`). */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  const text = decodeUtf8(bytes);
  try {
    parseStrictJson(text, valuesMax);
  } catch (error) {
    throw error instanceof JsonError
      ? errors.serialization(`The request body ${error.message}`, { cause: error.cause })
      : error;
  }
  return parseLossless(text) as Record<string, unknown>;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw errors.serialization("The request body is not valid UTF-8", { cause: error });
  }
}
