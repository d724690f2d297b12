import { hash } from "node:crypto";
import { region, type TestServer } from "../support/server.ts";
import type { DraftRequest } from "./route-drafts.ts";
import { amzDateAt, type Draft, type Signing } from "./signing.ts";

// From a request that is correct to the bytes that go over the wire, by way of all that a forger may change.

/** The request as it looks before it is signed. */
export function draftOf({ port }: TestServer, { method, path, headers, body }: DraftRequest): Draft {
  const [bare = "", query = ""] = path.split("?");
  return {
    method,
    path: bare,
    query,
    headers: [
      ["Host", `127.0.0.1:${port}`],
      ...Object.entries(headers),
      ["Content-Length", String(Buffer.byteLength(body))],
    ],
  };
}

/** How the root signs it, now. */
export function signingOf({ key }: TestServer, { service, body }: DraftRequest): Signing {
  return {
    secretAccessKey: key.secretAccessKey,
    scope: { accessKeyId: key.accessKeyId, region, service },
    amzDate: amzDateAt(Date.now()),
    payloadHash: hash("sha256", body),
  };
}

export function wireText({ method, path, query = "", headers }: Draft, body: string): string {
  const target = query === "" ? path : `${path}?${query}`;
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return `${[`${method} ${target} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n${body}`;
}
