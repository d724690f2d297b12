import { limits } from "@moraine/protocol";

/** Thrown for invalid JSON. The message continues a subject that the caller knows: "The request body" + " is not valid JSON". */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/**
 * Reads a JSON object. Throws JsonError for what is none, and for what parsers disagree about or choke on: a key that
 * stands twice, `__proto__`, or nesting deeper than 32.
 * @param valuesMax how many values there may be in all: each costs much more time than its bytes. @default any number
 */
export function parseStrictJson(text: string, valuesMax = Number.POSITIVE_INFINITY): Record<string, unknown> {
  assertFewValues(text, valuesMax);
  const value = parse(text);
  if (!isJsonObject(value)) {
    throw new JsonError("must be a JSON object");
  }
  assertUnambiguous(text);
  return value;
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Counts what begins or separates values, outside strings; the text need not be JSON. */
function assertFewValues(text: string, valuesMax: number): void {
  let count = 0;
  for (let index = 0; index < text.length && Number.isFinite(valuesMax); index += 1) {
    const character = text[index];
    if (character === '"') {
      index = endOfString(text, index);
    } else if (character === "," || character === "{" || character === "[") {
      count += 1;
    }
    if (count > valuesMax) {
      throw new JsonError(`has more than ${valuesMax} values`);
    }
  }
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text[index] !== '"') {
    index += text[index] === "\\" ? 2 : 1;
  }
  return index;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonError("is not valid JSON", { cause: error });
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
    throw new JsonError(`is nested deeper than ${limits.jsonDepthMax}`);
  }
}

function addKey(keys: Set<string> | null | undefined, key: string): void {
  if (key === "__proto__" || keys?.has(key) === true) {
    throw new JsonError(`has a key that is not allowed, or stands twice: ${key}`);
  }
  keys?.add(key);
}
