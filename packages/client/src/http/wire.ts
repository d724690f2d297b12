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

type Members = Readonly<Record<string, unknown>>;

const apiVersion = "2012-06-01";

/** Typed input → method, path, headers, query and body, as the operations table binds them. */
export async function toWire(name: OperationName, input: Members, platform: Platform): Promise<WireRequest> {
  const operation = operations[name];
  const { body, checksum } = await bodyOf(operation, input, platform);
  const members = checksum === undefined ? input : { ...input, checksum };
  return {
    operation: name,
    method: operation.method,
    path: pathOf(operation.path, input),
    query: { ...operation.selector, ...textsOf(operation.query, members, operation.request) },
    headers: {
      "x-amz-glacier-version": apiVersion,
      ...(operation.request === "json" && body !== null && { "content-type": "application/json" }),
      ...textsOf(operation.headers, members, operation.request),
    },
    body,
  };
}

/** Every member of the path is one segment of it, whatever it contains. */
export function pathOf(path: string, input: Members): string {
  return path.replace(/\{(\w+)\}/g, (_, member: string) => {
    const value = input[member];
    if (typeof value !== "string" || /^\.{0,2}$/.test(value)) {
      throw new TypeError(`${member} must be a text other than "", "." and "..", and is ${JSON.stringify(value)}`);
    }
    return uriEncode(value);
  });
}

/** The members that travel as texts, by their names on the wire. */
function textsOf(
  names: Readonly<Record<string, string>> = {},
  input: Members,
  request: Operation["request"],
): Record<string, string> {
  const texts = Object.entries(names).flatMap(([member, wireName]) => {
    const value = input[member];
    return value === undefined || value === null ? [] : [[wireName, textOf(member, value, request)] as const];
  });
  return Object.fromEntries(texts);
}

function textOf(member: string, value: unknown, request: Operation["request"]): string {
  if (member === "range") {
    const range = formatRange(asRange(value));
    return request === "bytes" ? `bytes ${range}/*` : `bytes=${range}`;
  }
  const text = String(value);
  // Beyond ASCII, client and service would not sign the same bytes: docs/wire.md#signatures
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new TypeError(`${member} may have printable ASCII characters only, and is ${JSON.stringify(text)}`);
  }
  return text;
}

/** A text would be sent as a range that says nothing, which the service ignores: all of the output would come. */
function asRange(value: unknown): ByteRange {
  const { firstByte, lastByte } = value as Partial<ByteRange>;
  if (!(isOffset(firstByte) && isOffset(lastByte) && firstByte <= lastByte)) {
    throw new TypeError(
      `range must be { firstByte, lastByte }, offsets of which the first is not beyond the last, and is ${JSON.stringify(value)}`,
    );
  }
  return { firstByte, lastByte };
}

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

async function bodyOf(
  operation: Operation,
  input: Members,
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

function payloadOf({ requestPayload }: Operation, input: Members): unknown {
  if (requestPayload !== undefined) {
    return input[requestPayload];
  }
  // Members of JSON bodies begin uppercase, all others lowercase.
  return Object.fromEntries(Object.entries(input).filter(([member]) => /^[A-Z]/.test(member)));
}

export async function jsonBody(value: unknown, platform: Platform): Promise<RequestBody | null> {
  if (value === undefined) {
    return null;
  }
  const text = JSON.stringify(value, (_key, part: unknown) => (typeof part === "bigint" ? exactNumber(part) : part));
  return bytesBody(new TextEncoder().encode(text), platform);
}
