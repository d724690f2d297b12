import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { authenticator } from "../../packages/server/src/auth/authenticate.ts";
import { FailureLimiter } from "../../packages/server/src/auth/failure-limiter.ts";
import { readWireRequest } from "../../packages/server/src/http/wire-request.ts";
import { sha256Of } from "../support/content.ts";
import { runTool } from "../support/run-tool.ts";
import { accountId, region, rootKey, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Debian's python3-boto3, unmodified.

const python = "/usr/bin/python3";
const script = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

test("boto3 goes the whole way from upload to verified, ranged download", async () => {
  const requests = 2000;
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  const { code, stdout, stderr } = await runTool(server, python, [script("boto3_whole_way.py"), String(requests)]);
  assert.equal(code, 0, stderr);
  const seen = JSON.parse(stdout);

  assert.deepEqual(seen.single, {
    checksum: true,
    statusCode: "Succeeded",
    whole: [200, true, true],
    description: "by boto3",
    first: [206, `bytes 0-1048575/${seen.single.size}`, true],
    firstChecksum: true,
    size: 3_200_049,
    empty: [200, true],
    pieces: Array.from({ length: 4 }, () => [206, true, true]),
  });
  assert.deepEqual(seen.multipart, {
    ranges: ["0-1048575", "1048576-2097151", "2097152-2097250"],
    checksum: true,
  });

  const { vaults, jobs, uploads, parts, jobIds, uploadIds, emptyStrings } = seen.pages;
  assert.deepEqual(vaults, [["boto", "page-0"], ["page-1", "page-2"], ["page-3"]]);
  for (const pages of [jobs, uploads, parts]) {
    assert.deepEqual(
      pages.map((page: string[]) => page.length),
      [2, 2, 1],
    );
  }
  assert.deepEqual(new Set(jobs.flat()), new Set(jobIds));
  assert.deepEqual(new Set(uploads.flat()), new Set(uploadIds));
  assert.equal(new Set(parts.flat()).size, 5);
  assert.equal(emptyStrings, 5);
  assert.equal(seen.waiters, true);

  const arn = (vault: string) => `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`;
  assert.deepEqual(seen.errors.vault, [
    "ResourceNotFoundException",
    404,
    `Vault not found for ARN: ${arn("never-made")}`,
  ]);
  assert.deepEqual(seen.errors.job, ["ResourceNotFoundException", 404, "The job ID was not found: none"]);
  assert.deepEqual(seen.errors.partSize.slice(0, 2), ["InvalidParameterValueException", 400]);
  assert.deepEqual(seen.errors.tree.slice(0, 2), ["InvalidParameterValueException", 400]);
  assert.deepEqual(seen.errors.notEmpty, [
    "InvalidParameterValueException",
    400,
    `Vault not empty or recently written to: ${arn("boto")}`,
  ]);
  assert.deepEqual(seen.errors.noType, ["MissingParameterValueException", 400, "Required parameter missing: type"]);

  assert.deepEqual(seen.resource, {
    arn: arn("resource"),
    status: "Succeeded",
    output: "resource",
    descriptions: ["by resource", ""],
    left: 0,
    vaults: ["boto", "page-0", "page-1", "page-2", "page-3"],
  });
  assert.deepEqual(seen.many, { 200: requests });
});

interface SignedLine {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Array<[string, string]>;
  readonly body: string;
}

test("what botocore signs over random paths, queries and headers is accepted, and not one byte besides", async (t) => {
  const count = 4000;
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const { accessKeyId, secretAccessKey } = rootKey;
  const args = [script("boto3_signatures.py"), String(count), String(seed), accessKeyId, secretAccessKey, region];
  const { code, stdout, stderr } = await runTool({ url: "" }, python, args);
  assert.equal(code, 0, stderr);
  const authenticate = authenticator({
    credentials: {
      findAccessKey: async () => ({ ...rootKey, accountId: accountId as never, user: null, session: null }),
    },
    region,
    service: "glacier",
    presigned: "all",
    failures: new FailureLimiter({ burst: 10_000, perSecond: 1 }),
    systemNow: () => new Date(),
  });
  const accepts = (line: SignedLine) => {
    const url = line.query === "" ? line.path : `${line.path}?${line.query}`;
    const rawHeaders = line.headers.flat();
    const message = { httpVersion: "1.1", httpVersionMajor: 1, method: line.method, url, rawHeaders, socket: {} };
    const request = readWireRequest(message as IncomingMessage);
    return authenticate(request, async () => sha256Of(Buffer.from(line.body)));
  };
  let lines = 0;
  for (const text of stdout.trimEnd().split("\n")) {
    const line: SignedLine = JSON.parse(text);
    lines += 1;
    await assert.doesNotReject(accepts(line), text);
    await assert.rejects(accepts({ ...line, path: `${line.path}x` }), /signature we calculated/, text);
    await assert.rejects(accepts({ ...line, query: `${line.query}&added=1` }), /signature we calculated/, text);
  }
  assert.equal(lines, count);
});
