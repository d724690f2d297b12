import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { createClient, GlacierConnectionError, UnexpectedResponseError } from "@moraine/client";
import type { HttpResponse } from "../src/http/http.ts";
import { readJobOutput } from "../src/job-output.ts";
import { createClient as createNodeClient } from "../src/node.ts";
import { answer, cutShort, refuse, reset, type Step, scriptedServer } from "./support/scripted-server.ts";

const job = { vaultName: "photos", jobId: "-job" };
const keys = { accessKeyId: "AKIAEXAMPLE", secretAccessKey: "secret" };
const content = Buffer.alloc(100_000, "output");
const settingsOf = (url: string) => ({ region: "us-east-1", credentials: keys, endpoint: url });
/** Node's client has code of its own for such responses. */
const clients = {
  "the portable client": async (url: string) => createClient(settingsOf(url)),
  "Node's client": (url: string) => createNodeClient(settingsOf(url)),
};

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Starts a response of the announced size and leaves it open; resolves to the server's response object. */
function openAnswer(sizeBytes: number): { readonly step: Step; readonly response: Promise<ServerResponse> } {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  const step: Step = (response) => {
    response.writeHead(200, { "content-length": String(sizeBytes) }).write(Buffer.alloc(1000));
    resolve(response);
  };
  return { step, response: promise };
}

for (const [which, clientOf] of Object.entries(clients)) {
  test(`${which}: a range is requested in the one form that servers understand, and all headers are returned`, async () => {
    const headers = {
      "content-range": "bytes 1048576-1148575/2000000",
      "content-type": "application/octet-stream",
      "content-length": String(content.length),
      "accept-ranges": "bytes",
      "x-amz-sha256-tree-hash": "ab".repeat(32),
      "x-amz-archive-description": "a  description",
    };
    await using server = await scriptedServer(reset, answer(206, headers, content));
    const range = { firstByte: 1_048_576, lastByte: 1_148_575 };
    const { body, ...output } = await (await clientOf(server.url)).getJobOutput({ ...job, range });
    assert.deepEqual(output, {
      status: 206,
      sizeBytes: content.length,
      checksum: "ab".repeat(32),
      contentRange: "bytes 1048576-1148575/2000000",
      acceptRanges: "bytes",
      contentType: "application/octet-stream",
      archiveDescription: "a  description",
    });
    assert.deepEqual(await bytesOf(body), content);
    assert.equal(server.seen[1]?.headers.range, "bytes=1048576-1148575");
    assert.equal(server.seen[1]?.headers["accept-encoding"], "identity");
  });

  test(`${which}: headers that were not sent are null`, async () => {
    await using server = await scriptedServer((response) => response.writeHead(200).end("abc"));
    const { body, ...output } = await (await clientOf(server.url)).getJobOutput(job);
    assert.equal((await bytesOf(body)).toString(), "abc");
    const nothing = { checksum: null, contentRange: null, acceptRanges: null, contentType: null };
    assert.deepEqual(output, { status: 200, sizeBytes: null, archiveDescription: null, ...nothing });
  });

  test(`${which}: a body that ends early fails, naming the position`, async () => {
    await using server = await scriptedServer(cutShort({}, content));
    const { body, sizeBytes } = await (await clientOf(server.url)).getJobOutput(job);
    assert.equal(sizeBytes, content.length + 1000);
    const pieces: Uint8Array[] = [];
    const error = await (async () => {
      for await (const piece of body) pieces.push(piece);
    })().catch((reason: unknown) => reason);
    assert.ok(error instanceof GlacierConnectionError);
    assert.match(error.message, /^GetJobOutput: broke after 100000 of 101000 bytes: /);
    assert.equal(Buffer.concat(pieces).length, content.length);
  });

  test(`${which}: the signal ends a body that is being read`, async () => {
    const open = openAnswer(1_000_000);
    await using server = await scriptedServer(open.step);
    const controller = new AbortController();
    const { body } = await (await clientOf(server.url)).getJobOutput(job, { signal: controller.signal });
    const reason = new Error("enough");
    const closed = once(await open.response, "close");
    const reading = bytesOf(body);
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(reading, reason);
    await closed;
  });

  test(`${which}: a loop that is left gives the connection back`, async () => {
    const open = openAnswer(1_000_000);
    await using server = await scriptedServer(open.step);
    const { body } = await (await clientOf(server.url)).getJobOutput(job);
    const closed = once(await open.response, "close");
    for await (const piece of body) {
      assert.ok(piece.length > 0);
      break;
    }
    await closed;
  });

  test(`${which}: a body that is not wanted can be cancelled unread`, async () => {
    const open = openAnswer(1_000_000);
    await using server = await scriptedServer(open.step);
    const { body } = await (await clientOf(server.url)).getJobOutput(job);
    const closed = once(await open.response, "close");
    await body.cancel();
    await closed;
  });

  test(`${which}: the response is not read ahead of its reader`, async () => {
    const large = Buffer.alloc(30_000_000);
    let response: ServerResponse | undefined;
    await using server = await scriptedServer((given) => {
      response = given;
      given.writeHead(200, { "content-length": String(large.length) }).end(large);
    });
    const { body } = await (await clientOf(server.url)).getJobOutput(job);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(response?.writableFinished, false);
    assert.equal((await bytesOf(body)).length, large.length);
  });

  test(`${which}: a success other than 200 and 206 is an error`, async () => {
    await using server = await scriptedServer(answer(204));
    await assert.rejects((await clientOf(server.url)).getJobOutput(job), UnexpectedResponseError);
  });

  test(`${which}: a refusal is an error before there is a body`, async () => {
    const message = "The job is not currently available for download: -job";
    await using server = await scriptedServer(refuse(400, "InvalidParameterValueException", message));
    await assert.rejects((await clientOf(server.url)).getJobOutput(job), {
      code: "InvalidParameterValueException",
      message,
    });
  });
}

test("a length that the platform does not check is checked by the client", async () => {
  const read = async (announced: number) => {
    const pieces = [Uint8Array.from(content), null];
    const answer: HttpResponse = {
      status: 200,
      statusText: "OK",
      header: (name) => (name === "content-length" ? String(announced) : null),
      body: { next: async () => pieces.shift() ?? null, cancel: async () => undefined },
    };
    const { body } = await readJobOutput(answer, { operation: "GetJobOutput", attempts: 1 }, undefined);
    return bytesOf(body);
  };
  assert.deepEqual(await read(content.length), content);
  for (const announced of [content.length - 1, content.length + 1, 0]) {
    await assert.rejects(read(announced), {
      name: "GlacierConnectionError",
      message: /: received \d+ bytes, expected \d+/,
    });
  }
});
