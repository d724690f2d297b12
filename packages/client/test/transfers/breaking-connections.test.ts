import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { contentOf } from "../../../../test/support/content.ts";
import { Random } from "../../../../test/support/random.ts";
import { createClient, type NodeClientOptions } from "../../src/node.ts";
import { Bandwidth } from "../../src/transfers/bandwidth.ts";
import { type DownloadOptions, downloadJobOutput } from "../../src/transfers/download/download-job-output.ts";
import { streamJobOutput } from "../../src/transfers/download/stream-job-output.ts";
import type { TransferEvent } from "../../src/transfers/events.ts";
import { archiveOf, type OutputServer, outputServer, type RangeRequest } from "../support/output-server.ts";
import { keys } from "../support/scripted-client.ts";

const mebibyte = 1024 ** 2;
const content = contentOf(18, 40 * mebibyte + 77);
const job = { vaultName: "photos", jobId: "job" };

let server: OutputServer;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "moraine-breaking-"));
  server = await outputServer(archiveOf(content));
});
afterEach(() => {
  server.ranges.length = 0;
  server.misbehave = () => undefined;
  server.headersOf = () => ({});
});
after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** A transfer fails after this time without progress. */
const client = (options: NodeClientOptions = {}) =>
  createClient({
    region: "us-east-1",
    credentials: keys,
    endpoint: server.url,
    retryForMilliseconds: 20_000,
    ...options,
  });
const lengthOf = ({ firstByte, endByte }: RangeRequest) => endByte - firstByte;

let count = 0;
async function download(options: Partial<DownloadOptions> = {}) {
  const target = join(folder, String(count++));
  const result = await downloadJobOutput(await client(), job, { target, ...options });
  assert.ok((await readFile(target)).equals(content));
  await rm(target);
  return result;
}

test("a connection that breaks every 10 MiB downloads ranges of 16 MiB, each byte once", async () => {
  server.misbehave = (range) => (lengthOf(range) > 10 * mebibyte ? 10 * mebibyte : undefined);
  const result = await download({ rangeSizeBytes: 16 * mebibyte });
  assert.equal(result.verifiedBy, "whole");
  assert.deepEqual([result.transferredBytes, result.repeatedBytes], [content.length, 0]);
});

test("a download succeeds over connections that break within a mebibyte", async () => {
  server.misbehave = (range) => (lengthOf(range) > 700_001 ? 700_001 : undefined);
  const { transferredBytes, repeatedBytes } = await download();
  assert.deepEqual([transferredBytes, repeatedBytes], [content.length, 0]);
});

test("requests get smaller after broken connections, and larger after successes", async () => {
  let breaksAbove = 2 * mebibyte;
  server.misbehave = (range) => (lengthOf(range) > breaksAbove ? 0 : undefined);
  const onEvent = (event: TransferEvent) => {
    if (event.kind === "progress" && event.verifiedBytes >= 16 * mebibyte) {
      breaksAbove = Number.POSITIVE_INFINITY;
    }
  };
  await download({ rangeSizeBytes: 16 * mebibyte, concurrency: 1, onEvent });
  const sizes = server.ranges.map((range) => lengthOf(range) / mebibyte);
  assert.deepEqual(sizes.slice(0, 5), [16, 8, 4, 2, 2]);
  assert.ok(
    sizes.slice(5).some((size) => size === 4),
    `it stays small: ${sizes}`,
  );
});

test("a stream continues in the middle of a range as well", async () => {
  server.misbehave = (range) => (lengthOf(range) > 3 * mebibyte ? 3 * mebibyte : undefined);
  let sentBytes = 0;
  for await (const piece of streamJobOutput(await client(), job, { rangeSizeBytes: 8 * mebibyte })) {
    assert.ok(content.subarray(sentBytes, sentBytes + piece.length).equals(Buffer.from(piece)));
    sentBytes += piece.length;
  }
  assert.equal(sentBytes, content.length);
});

test("bytes from before an interruption are verified with the rest, and fetched again when it was wrong", async () => {
  let isFirst = true;
  server.misbehave = (range, response) => {
    if (!isFirst) {
      return undefined;
    }
    isFirst = false;
    const bytes = Buffer.from(content.subarray(range.firstByte, range.endByte));
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    const tree = archiveOf(content.subarray(range.firstByte, range.endByte)).treeHash;
    response.writeHead(206, {
      "content-range": `bytes ${range.firstByte}-${range.endByte - 1}/${content.length}`,
      "content-length": String(bytes.length),
      "x-amz-sha256-tree-hash": tree,
    });
    response.write(bytes.subarray(0, 3 * mebibyte), () => setImmediate(() => response.destroy()));
    return "responded";
  };
  const failures: string[] = [];
  const onEvent = (event: TransferEvent) => {
    if (event.kind === "range-failed") {
      failures.push(event.error.name);
    }
  };
  const { repeatedBytes } = await download({ rangeSizeBytes: 8 * mebibyte, concurrency: 1, onEvent });
  assert.deepEqual(failures, ["GlacierConnectionError", "VerificationError"]);
  assert.equal(repeatedBytes, 8 * mebibyte);
});

test("broken responses without a length do not count as wrong bytes", async () => {
  server.headersOf = () => ({ "content-length": null });
  server.misbehave = (range, response) => {
    const length = Math.min(lengthOf(range), 2 * mebibyte);
    response.writeHead(206, {
      "content-range": `bytes ${range.firstByte}-${range.endByte - 1}/${content.length}`,
      "transfer-encoding": "identity",
      connection: "close",
    });
    response.end(content.subarray(range.firstByte, range.firstByte + length));
    return "responded";
  };
  // Ranges without checksums are verified together.
  const { verifiedBy, repeatedBytes } = await download({ rangeSizeBytes: 32 * mebibyte });
  assert.deepEqual([verifiedBy, repeatedBytes], ["whole", 0]);
});

test("a silent connection is closed, and its range continued", async () => {
  let isFirst = true;
  server.misbehave = ({ firstByte, endByte }, response) => {
    if (!isFirst) {
      return undefined;
    }
    isFirst = false;
    response.writeHead(206, {
      "content-range": `bytes ${firstByte}-${endByte - 1}/${content.length}`,
      "content-length": String(endByte - firstByte),
    });
    response.write(content.subarray(firstByte, firstByte + mebibyte));
    return "responded";
  };
  const target = join(folder, "silent");
  const { transferredBytes } = await downloadJobOutput(await client({ timeoutMilliseconds: 1000 }), job, { target });
  assert.ok((await readFile(target)).equals(content));
  assert.equal(transferredBytes, content.length);
});

test("bytes may wait for bandwidth longer than the timeout", async () => {
  await using slow = await outputServer(archiveOf(content.subarray(0, mebibyte)));
  const impatient = await createClient({
    region: "us-east-1",
    credentials: keys,
    endpoint: slow.url,
    timeoutMilliseconds: 1000,
  });
  const failures: TransferEvent[] = [];
  const onEvent = (event: TransferEvent) => {
    if (event.kind === "range-failed") {
      failures.push(event);
    }
  };
  const target = join(folder, "paced");
  await downloadJobOutput(impatient, job, { target, bandwidth: new Bandwidth(mebibyte / 4), onEvent });
  assert.deepEqual(failures, []);
});

for (let seed = 1; seed <= 6; seed += 1) {
  test(`breaks, missing checksums and wrong bytes at random give the right file: seed ${seed}`, async () => {
    const random = new Random(seed);
    // Wrong bytes of a range without a checksum are noticed only with the entire output, and then fetched again once.
    const hasChecksum = ({ firstByte }: RangeRequest) => Math.floor(firstByte / (4 * mebibyte)) % 5 !== 0;
    server.headersOf = (range) => (hasChecksum(range) ? {} : { "x-amz-sha256-tree-hash": null });
    server.misbehave = (range, response) => {
      const chance = random.fraction();
      if (chance > 0.9 && hasChecksum(range)) {
        return "corrupt";
      }
      if (chance < 0.4) {
        return Math.floor(random.fraction() * lengthOf(range));
      }
      if (chance < 0.45) {
        response.destroy();
        return "responded";
      }
      if (chance < 0.5) {
        response.writeHead(503).end("busy");
        return "responded";
      }
      return undefined;
    };
    const options = { rangeSizeBytes: 4 * mebibyte, concurrency: 1 + Math.floor(random.fraction() * 8) };
    assert.equal((await download(options)).verifiedBy, "whole");
  });
}
