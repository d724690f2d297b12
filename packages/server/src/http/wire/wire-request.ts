import type { IncomingMessage } from "node:http";
import { errors, parseQuery } from "@moraine/protocol";
import type { Signed } from "../../auth/signature-claim.ts";
import type { Network } from "../../domain/policy/conditions/addresses.ts";
import { originOf } from "../connections/client-origin.ts";

/** A request as it stood on the wire: the signature covers exactly this, so nothing is decoded or merged yet. */
export type WireRequest = Signed;

const urlLengthMax = 8192;
const headerCountMax = 64;
/** A second one of these would let two readers of one request disagree on what it says. */
const single = /^(host|authorization|content-length|content-range|date|range|expect|x-amz-.*)$/;

/** Throws BadRequest for what no honest client sends: an absolute form, an overlong URL, a header that is doubled. */
export function readWireRequest(message: IncomingMessage, trustedProxies: readonly Network[] = []): WireRequest {
  const url = message.url ?? "";
  if (message.httpVersionMajor !== 1) {
    throw errors.badRequest(`HTTP/${message.httpVersion} is not spoken here`);
  }
  if (!url.startsWith("/")) {
    throw errors.badRequest("The request target must be a path");
  }
  if (url.length > urlLengthMax) {
    throw errors.badRequest(`The request target is longer than ${urlLengthMax} bytes`);
  }
  if (message.rawHeaders.length / 2 > headerCountMax) {
    throw errors.badRequest(`The request has more than ${headerCountMax} headers`);
  }
  const mark = url.indexOf("?");
  const headers = pairs(message.rawHeaders);
  const values = singleValues(headers);
  if (message.httpVersion === "1.1" && !values.has("host")) {
    throw errors.badRequest("A request must name its host");
  }
  const query = mark < 0 ? "" : url.slice(mark + 1);
  const parameters = parseQuery(query);
  return {
    method: message.method ?? "",
    path: mark < 0 ? url : url.slice(0, mark),
    query,
    headers,
    header: (name) => values.get(name),
    parameters: (name) => parameters.filter(([given]) => given === name).map(([, value]) => value),
    ...originOf(message.socket, headers, trustedProxies),
  };
}

function pairs(raw: readonly string[]): Array<readonly [string, string]> {
  return Array.from(
    { length: raw.length / 2 },
    (_, index) => [raw[2 * index] ?? "", raw[2 * index + 1] ?? ""] as const,
  );
}

function singleValues(headers: WireRequest["headers"]): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    if (!values.has(key)) {
      values.set(key, value);
    } else if (single.test(key)) {
      throw errors.badRequest(`The header ${key} must not be repeated`);
    }
  }
  return values;
}
