import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/**
 * The reference for our server: `node:http` without a signature, a hash, a sync or error handling. It runs in a process of its own,
 * with the folder of its files as its argument.
 */
const [folder = "."] = process.argv.slice(2);

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(0, "127.0.0.1", () => {
  console.log((server.address() as AddressInfo).port);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = join(folder, request.url ?? "");
  if (request.method === "PUT") {
    await pipeline(request, createWriteStream(path));
    response.writeHead(201, { "Content-Length": "0" }).end();
  } else if (request.url?.endsWith(".json")) {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": String(json.length) }).end(json);
  } else {
    await sendFile(path, request, response);
  }
}

async function sendFile(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, first, last] = /^bytes=([0-9]+)-([0-9]+)$/.exec(request.headers.range ?? "") ?? [];
  const range = first === undefined ? null : { start: Number(first), end: Number(last) };
  const length = range === null ? (await stat(path)).size : range.end - range.start + 1;
  response.writeHead(range === null ? 200 : 206, { "Content-Length": String(length) });
  await pipeline(createReadStream(path, range ?? {}), response);
}

/** As long as the answer to DescribeVault. */
const json = JSON.stringify({
  CreationDate: "2026-11-23T09:00:00.000Z",
  LastInventoryDate: null,
  NumberOfArchives: 0,
  SizeInBytes: 0,
  VaultARN: "arn:aws:glacier:us-east-1:123456789012:vaults/bench-00",
  VaultName: "bench-00",
});
