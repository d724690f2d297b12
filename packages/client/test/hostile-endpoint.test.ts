import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, test } from "node:test";
import { type ClientOptions, InvalidSignatureException, UnexpectedResponseError } from "@moraine/client";
import { createClient } from "@moraine/client/node";
import { waitForJob } from "../src/transfers/retrieval/wait-for-job.ts";
import { failure, keys, vault } from "./support/scripted-client.ts";
import { answer, refuse, type Step, scriptedServer } from "./support/scripted-server.ts";

// Broken or hostile endpoints cost a call only bounded time and memory.

const mebibyte = 1024 ** 2;

const clientAt = (url: string, options: Partial<ClientOptions> = {}) =>
  createClient({ endpoint: url, region: "us-east-1", credentials: keys, attemptsMax: 1, ...options });

async function messageOf(step: Step, options?: Partial<ClientOptions>): Promise<string> {
  await using server = await scriptedServer(step);
  return String(await failure((await clientAt(server.url, options)).describeVault(vault)));
}

/** Sends an endless body, and counts its bytes. */
function endless(status: number, counter: { sentBytes: number }): Step {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json" });
    const piece = Buffer.alloc(65_536, " ");
    const more = () => {
      while (!response.destroyed) {
        counter.sentBytes += piece.length;
        if (!response.write(piece)) break;
      }
    };
    response.on("drain", more);
    more();
  };
}

describe("a page instead of a response", () => {
  test("is read in linear time", async () => {
    const page = (unit: string, count: number) => answer(502, {}, unit.repeat(count));
    const elapsed = async (step: Step) => {
      const start = process.cpuUsage();
      assert.match(await messageOf(step), /responded with 502 Bad Gateway, but not as this service does/);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    for (const unit of ["<style", "<script a>", "<", "<style></script", " \n"]) {
      const little = await elapsed(page(unit, 100));
      const much = await elapsed(page(unit, 60_000 / unit.length));
      assert.ok(much < little + 500_000, `${unit}: ${little} and ${much} microseconds of CPU time`);
    }
  });

  test("is quoted without tags, styles and scripts", async () => {
    const page = "Busy<STYLE>p{}<b></STYLE> <script>if (a<b) c</script>now<br/>: <a href='x'>retry</a><style>end";
    assert.match(await messageOf(answer(503, {}, page)), /: Busy now : retry$/);
  });
});

describe("a body without end", () => {
  test("is read only for some KiB after an error", async () => {
    const counter = { sentBytes: 0 };
    assert.match(await messageOf(endless(500, counter)), /responded with 500/);
    assert.ok(counter.sentBytes < 32 * mebibyte, `${counter.sentBytes} bytes`);
  });

  test("is refused after a success", async () => {
    const counter = { sentBytes: 0 };
    assert.match(await messageOf(endless(200, counter)), /UnexpectedResponse.* and more than 16777216 bytes$/);
    assert.ok(counter.sentBytes < 64 * mebibyte, `${counter.sentBytes} bytes`);
  });
});

/** A server that serves each connection by the given function. */
async function rawEndpoint(serve: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe("a missing response", () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n";
  const every = (socket: Socket, milliseconds: number, text: string) => {
    const timer = setInterval(() => socket.write(text), milliseconds);
    socket.on("close", () => clearInterval(timer));
  };
  const endpoints: Readonly<Record<string, { serve: (socket: Socket) => void; message: RegExp }>> = {
    "since nothing is said": { serve: () => undefined, message: /(No bytes received for|No response within) 300 ms$/ },
    "since its head never ends": {
      serve: (socket) => {
        socket.write(head);
        every(socket, 50, "X: y\r\n");
      },
      message: /No response within 300 ms$/,
    },
    "since its body stops": {
      serve: (socket) => socket.write(`${head}\r\nhello`),
      message: /No bytes received for 300 ms$/,
    },
    "after one 100 Continue after the other": {
      serve: (socket) => every(socket, 20, "HTTP/1.1 100 Continue\r\n\r\n".repeat(20)),
      message: /Received more than 100 interim responses$|No response within 300 ms$/,
    },
  };
  for (const [what, { serve, message }] of Object.entries(endpoints)) {
    test(`${what} is given up after the timeout`, { timeout: 20_000 }, async () => {
      await using endpoint = await rawEndpoint(serve);
      const client = await clientAt(endpoint.url, { timeoutMilliseconds: 300 });
      assert.match(String(await failure(client.describeVault(vault))), message);
    });
  }

  test("a body may stay unread for longer than the timeout", async () => {
    const content = Buffer.alloc(4 * mebibyte, 7);
    await using server = await scriptedServer(answer(200, { "content-length": String(content.length) }, content));
    const client = await clientAt(server.url, { timeoutMilliseconds: 300 });
    const { body } = await client.getJobOutput({ ...vault, jobId: "job" });
    let bytes = 0;
    for await (const piece of body) {
      if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 1000));
      bytes += piece.length;
    }
    assert.equal(bytes, content.length);
  });

  test("a source may pause for longer than the timeout", async () => {
    await using server = await scriptedServer(answer(201, { "x-amz-archive-id": "archive" }));
    const client = await clientAt(server.url, { timeoutMilliseconds: 300 });
    const body = {
      ...{ sizeBytes: 2, sha256: "ab".repeat(32), treeHash: "cd".repeat(32) },
      open: async function* () {
        yield new Uint8Array(1);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        yield new Uint8Array(1);
      },
    };
    assert.equal((await client.uploadArchive({ ...vault, body })).archiveId, "archive");
  });
});

test("a service's clock is ignored when it is more than a day off", async () => {
  const expired =
    "Signature expired: 20120907T094027Z is now earlier than 20120907T094737Z (20120907T095237Z - 5 min.)";
  const date = new Date(Date.now() + 25 * 3_600_000).toUTCString();
  await using server = await scriptedServer(refuse(403, "InvalidSignatureException", expired, { date }));
  const error = await failure((await clientAt(server.url, { attemptsMax: 3 })).describeVault(vault));
  assert.ok(error instanceof InvalidSignatureException);
  assert.match(
    error.message,
    /^The service's clock says \S+Z, this machine's \S+Z: set the one that is wrong\. Signature expired/,
  );
  assert.equal(server.seen.length, 1);
});

test("a size that no archive can have is refused before ranges are planned", async () => {
  for (const ArchiveSizeInBytes of [9e15, 1.5, -1, "5"]) {
    const job = {
      JobId: "job",
      Action: "ArchiveRetrieval",
      StatusCode: "Succeeded",
      ArchiveId: "archive",
      ArchiveSizeInBytes,
    };
    await using server = await scriptedServer(answer(200, { "content-type": "application/json" }, JSON.stringify(job)));
    await assert.rejects(waitForJob(await clientAt(server.url), { ...vault, jobId: "job" }), {
      name: "JobFailedError",
      message: /says that its archive has \S+ bytes: expected at most 42949672960000 bytes$/,
    });
  }
});

test("an error larger than any of this service's is an UnexpectedResponseError", async () => {
  await using server = await scriptedServer(
    answer(400, {}, JSON.stringify({ code: "X", message: "y".repeat(mebibyte) })),
  );
  const error = await failure((await clientAt(server.url)).describeVault(vault));
  assert.ok(error instanceof UnexpectedResponseError);
  assert.ok(error.message.length < 1000);
});
