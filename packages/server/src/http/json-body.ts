import { errors, limits } from "@moraine/protocol";

/**
 * Reads a JSON object. Throws SerializationException for what is no JSON object in UTF-8, and for what parsers disagree about
 * or choke on: a key that stands twice, `__proto__`, or nesting deeper than 32.
 */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> {
  const text = decodeUtf8(bytes);
  const value = parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw errors.serialization("The request body must be a JSON object");
  }
  assertUnambiguous(text);
  return value as Record<string, unknown>;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw errors.serialization("The request body is not valid UTF-8", { cause: error });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw errors.serialization("The request body is not valid JSON", { cause: error });
  }
}

/** Walks over JSON that is known to be well formed: strings, and what opens and closes. */
function assertUnambiguous(text: string): void {
  const open: Array<Set<string> | null> = [];
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found, colon] = match;
    if (found === "{" || found === "[") {
      open.push(found === "{" ? new Set() : null);
      assertDepth(open.length);
    } else if (found === "}" || found === "]") {
      open.pop();
    } else if (colon !== undefined) {
      addKey(open.at(-1), JSON.parse(found.slice(0, found.lastIndexOf('"') + 1)) as string);
    }
  }
}

function assertDepth(depth: number): void {
  if (depth > limits.jsonDepthMax) {
    throw errors.serialization(`The request body is nested deeper than ${limits.jsonDepthMax}`);
  }
}

function addKey(keys: Set<string> | null | undefined, key: string): void {
  if (key === "__proto__" || keys?.has(key) === true) {
    throw errors.serialization(`The request body has a key that is not allowed, or stands twice: ${key}`);
  }
  keys?.add(key);
}
