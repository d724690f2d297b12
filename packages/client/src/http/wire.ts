import {
  type ByteRange,
  exactNumber,
  formatRange,
  type Operation,
  type OperationName,
  operations,
  uriEncode,
} from "@moraine/protocol";
import type { Platform } from "../platform.ts";
import type { WireRequest } from "./send.ts";
import { bytesBody, type RequestBody, type UploadBody, uploadBody } from "./upload-body.ts";

type Fields = Readonly<Record<string, unknown>>;

const apiVersion = "2012-06-01";

/** Writes typed input as method, path, headers, query and body, according to the operations table. */
export async function toWire(name: OperationName, input: Fields, platform: Platform): Promise<WireRequest> {
  const operation = operations[name];
  const { body, checksum } = await bodyOf(operation, input, platform);
  const fields = checksum === undefined ? input : { ...input, checksum };
  return {
    operation: name,
    method: operation.method,
    path: pathOf(operation.path, input),
    query: { ...operation.selector, ...textsOf(operation.query, fields, operation.request) },
    headers: {
      "x-amz-glacier-version": apiVersion,
      ...(operation.request === "json" && body !== null && { "content-type": "application/json" }),
      ...textsOf(operation.headers, fields, operation.request),
    },
    body,
  };
}

/** Inserts fields into the path. Each is one segment, whatever it contains. */
export function pathOf(path: string, input: Fields): string {
  return path.replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = input[field];
    if (typeof value !== "string" || /^\.{0,2}$/.test(value)) {
      throw new TypeError(`Invalid ${field} ${JSON.stringify(value)}: expected a string other than "", "." and ".."`);
    }
    return uriEncode(value);
  });
}

/** Returns the fields that are sent as strings, by their names on the wire. */
function textsOf(
  names: Readonly<Record<string, string>> = {},
  input: Fields,
  request: Operation["request"],
): Record<string, string> {
  const texts = Object.entries(names).flatMap(([field, wireName]) => {
    const value = input[field];
    return value === undefined || value === null ? [] : [[wireName, textOf(field, value, request)] as const];
  });
  return Object.fromEntries(texts);
}

function textOf(field: string, value: unknown, request: Operation["request"]): string {
  if (field === "range") {
    const range = formatRange(asRange(value));
    return request === "bytes" ? `bytes ${range}/*` : `bytes=${range}`;
  }
  const text = String(value);
  // Beyond ASCII, client and service would not sign the same bytes: docs/wire.md#signatures
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new TypeError(`Invalid ${field} ${JSON.stringify(text)}: expected printable ASCII characters only`);
  }
  return text;
}

/**
 * Throws TypeError for a string, among others. It would be sent as a meaningless range, which the service ignores: it would send the entire
 * output.
 */
function asRange(value: unknown): ByteRange {
  const { firstByte, lastByte } = value as Partial<ByteRange>;
  if (!(isOffset(firstByte) && isOffset(lastByte) && firstByte <= lastByte)) {
    throw new TypeError(
      `Invalid range ${JSON.stringify(value)}: expected { firstByte, lastByte }, offsets of which the first is not beyond the last`,
    );
  }
  return { firstByte, lastByte };
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

async function bodyOf(
  operation: Operation,
  input: Fields,
  platform: Platform,
): Promise<{ readonly body: RequestBody | null; readonly checksum?: string }> {
  switch (operation.request) {
    case "none":
      return { body: null };
    case "bytes":
      return uploadBody(input["body"] as UploadBody, input["checksum"] as string | undefined, platform);
    case "json":
      return { body: await jsonBody(payloadOf(operation, input), platform) };
  }
}

function payloadOf({ requestPayload }: Operation, input: Fields): unknown {
  if (requestPayload !== undefined) {
    return input[requestPayload];
  }
  // Fields of JSON bodies begin uppercase, all others lowercase.
  return Object.fromEntries(Object.entries(input).filter(([field]) => /^[A-Z]/.test(field)));
}

export async function jsonBody(value: unknown, platform: Platform): Promise<RequestBody | null> {
  if (value === undefined) {
    return null;
  }
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? exactNumber(part) : part));
  return bytesBody(new TextEncoder().encode(text), platform);
}
