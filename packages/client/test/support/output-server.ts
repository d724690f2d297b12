import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isTreeHashAligned } from "@moraine/protocol";
import { digestOfBytes } from "../../src/transfers/hashing/part-digest.ts";

/** Returns the bytes of a range of the archive. */
export type ContentOf = (firstByte: number, endByte: number) => Buffer;

export interface Archive {
  readonly sizeBytes: number;
  readonly treeHash: string;
  readonly contentOf: ContentOf;
}

export function archiveOf(content: Buffer): Archive {
  return {
    sizeBytes: content.length,
    treeHash: digestOfBytes(content, "tree").treeHash,
    contentOf: (firstByte, endByte) => content.subarray(firstByte, endByte),
  };
}

export interface RangeRequest {
  readonly firstByte: number;
  /** The first byte after the range. */
  readonly endByte: number;
}

/** Responds instead of the server, makes it send a wrong byte, or returns the number of body bytes after which the connection breaks. */
export type Misbehaviour = (
  range: RangeRequest,
  response: ServerResponse,
) => "responded" | "corrupt" | number | undefined;

export interface OutputServer extends AsyncDisposable {
  readonly url: string;
  /** Requests for GetJobOutput, in the order in which they came. */
  readonly ranges: RangeRequest[];
  /** Every request, as `GET /-/vaults/…`. */
  readonly requests: string[];
  /** State of the job. */
  statusCode: "InProgress" | "Succeeded";
  misbehave: Misbehaviour;
  /** Headers instead of the server's own; null removes one. */
  headersOf: (range: RangeRequest) => Readonly<Record<string, string | null>>;
}

function corrupted(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const index = Math.floor(copy.length / 2);
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

/** A service with one archive, whose retrieval job is called "job" and has succeeded; it can start another one. */
export async function outputServer({ sizeBytes, treeHash, contentOf }: Archive): Promise<OutputServer> {
  const description = {
    JobId: "job",
    Action: "ArchiveRetrieval",
    CreationDate: "2026-01-01T00:00:00.000Z",
    ArchiveId: "archive",
    ArchiveSizeInBytes: sizeBytes,
    ArchiveSHA256TreeHash: treeHash,
    SHA256TreeHash: treeHash,
    RetrievalByteRange: `0-${sizeBytes - 1}`,
  };
  const state: OutputServer = {
    url: "",
    ranges: [],
    requests: [],
    statusCode: "Succeeded",
    misbehave: () => undefined,
    headersOf: () => ({}),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
  const json = (response: ServerResponse, value: object) =>
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
  const sendRange = (range: RangeRequest, response: ServerResponse) => {
    state.ranges.push(range);
    const outcome = state.misbehave(range, response);
    if (outcome === "responded") {
      return;
    }
    const { firstByte, endByte } = range;
    const bytes = contentOf(firstByte, endByte);
    const isNode = isTreeHashAligned({ firstByte, lastByte: endByte - 1 }, sizeBytes);
    const headers: Record<string, string | null> = {
      "content-range": `bytes ${firstByte}-${endByte - 1}/${sizeBytes}`,
      "content-length": String(bytes.length),
      "x-amz-sha256-tree-hash": isNode ? digestOfBytes(bytes, "tree").treeHash : null,
      ...state.headersOf(range),
    };
    response.writeHead(
      206,
      Object.entries(headers).flatMap(([name, value]) => (value === null ? [] : [name, value])),
    );
    if (outcome === undefined || outcome === "corrupt") {
      response.end(outcome === undefined ? bytes : corrupted(bytes));
    } else {
      response.write(bytes.subarray(0, outcome), () => setImmediate(() => response.destroy()));
    }
  };
  const server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    state.requests.push(`${method} ${url}`);
    request.resume();
    if (url.endsWith("/output")) {
      const [, first, last] = /^bytes=([0-9]+)-([0-9]+)$/.exec(headers.range ?? "") ?? [];
      sendRange({ firstByte: Number(first ?? 0), endByte: Number(last ?? sizeBytes - 1) + 1 }, response);
    } else if (method === "POST") {
      response.writeHead(202, { "x-amz-job-id": "job", location: "/-/vaults/photos/jobs/job" }).end();
    } else if (/\/jobs(\?|$)/.test(url)) {
      json(response, { JobList: [], Marker: null });
    } else {
      json(response, { ...description, StatusCode: state.statusCode });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}
