import type { Operation } from "@moraine/protocol";
import { compactJson } from "../../domain/compact-json.ts";
import type { OutgoingBytes } from "../../operations/context.ts";

/** The response. The listener adds the request id and sends it. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | OutgoingBytes | null;
}

/** Typed output → status, headers and body, as the operations table binds them. */
export function encode(operation: Operation, output: Readonly<Record<string, unknown>>): Reply {
  const headers: Record<string, string> = {};
  for (const [member, header] of Object.entries(operation.responseHeaders ?? {})) {
    const value = output[member];
    if (typeof value === "string") {
      headers[header] = value;
    }
  }
  switch (operation.response) {
    case "none":
      return emptyReply(operation.status, headers);
    case "json":
      return jsonReply(operation.status, payloadOf(operation, output), headers);
    case "bytes":
      return bytesReply(output as unknown as { status: number; body: OutgoingBytes }, headers);
  }
}

function payloadOf({ responsePayload }: Operation, output: Readonly<Record<string, unknown>>): unknown {
  return responsePayload === undefined ? output : output[responsePayload];
}

export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = compactJson(value);
  const length = String(Buffer.byteLength(body));
  return { status, headers: { ...headers, "Content-Type": "application/json", "Content-Length": length }, body };
}

/** A 201 carries an empty object, as the service's does; a 204 has no length; a 202 states its own, 0. */
function emptyReply(status: number, headers: Record<string, string>): Reply {
  if (status === 201) {
    return jsonReply(status, {}, headers);
  }
  return { status, headers: status === 204 ? headers : { ...headers, "Content-Length": "0" }, body: null };
}

function bytesReply({ status, body }: { status: number; body: OutgoingBytes }, headers: Record<string, string>): Reply {
  return { status, headers: { ...headers, "Content-Length": String(body.sizeBytes) }, body };
}
