import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { authenticator } from "../../packages/server/src/auth/authenticate.ts";
import { FailureLimiter } from "../../packages/server/src/auth/failure-limiter.ts";
import { readWireRequest } from "../../packages/server/src/http/wire/wire-request.ts";
import { allOperations, CalledOperations } from "../support/called-operations.ts";
import { sha256Of } from "../support/content.ts";
import { runTool } from "../support/run-tool.ts";
import { accountId, region, rootKey, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Debian's python3-boto3, unmodified.

const python = "/usr/bin/python3";
/** Without `-B` it would leave its bytecode next to the scripts. */
const script = (name: string): string[] => ["-B", fileURLToPath(new URL(`./${name}`, import.meta.url))];
const arn = (vault: string) => `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`;
const called = new CalledOperations();

/** Runs a script against a new server, and returns the result that it printed. */
async function run(name: string, args: readonly string[] = [], flags: readonly string[] = []) {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path, flags });
  const { code, stdout, stderr } = await runTool(server, python, [...script(name), ...args]);
  assert.equal(code, 0, stderr);
  const seen = JSON.parse(stdout);
  for (const operation of seen.called) {
    called.add(operation);
  }
  return seen;
}

/** An error as a script reports it: the class that boto3 raised, which is botocore's own where AWS's model has none. */
const error = (code: string, status: number, message: string) =>
  [code === "AccessDeniedException" ? "ClientError" : code, status, code, message] as const;

test("boto3 goes the whole way from upload to verified, ranged download", async () => {
  const requests = 2000;
  const seen = await run("boto3_whole_way.py", [String(requests)]);

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
    open: [],
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

  const invalid = (message: string) => error("InvalidParameterValueException", 400, message);
  const notFound = (message: string) => error("ResourceNotFoundException", 404, message);
  assert.deepEqual(seen.errors, {
    vault: notFound(`Vault not found for ARN: ${arn("never-made")}`),
    job: notFound("The job ID was not found: none"),
    partSize: invalid(
      "Invalid part size: 1000. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes.",
    ),
    tree: invalid(`Checksum mismatch: expected ${"0".repeat(64)}, computed ${sha256Of(Buffer.from("x"))}`),
    notEmpty: invalid(`Vault not empty or recently written to: ${arn("boto")}`),
    upload: notFound("The upload ID was not found: none"),
    archive: notFound("The archive ID was not found: none"),
    account: error("AccessDeniedException", 403, "Access denied for account ID: 999999999999"),
    noType: error("MissingParameterValueException", 400, "Required parameter missing: type"),
  });

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

test("boto3 sets, gets and removes all that owners set, and raises its own classes", async () => {
  const seen = await run("boto3_settings.py");
  const invalid = (message: string) => error("InvalidParameterValueException", 400, message);
  const notFound = (message: string) => error("ResourceNotFoundException", 404, message);
  const denied = (message: string) => error("AccessDeniedException", 403, message);
  const limited = (message: string) => error("LimitExceededException", 400, message);

  assert.deepEqual(seen.tags, {
    added: { project: "glacier", empty: "" },
    left: { empty: "" },
    reserved: invalid("Invalid tag key: aws:x"),
    none: error("MissingParameterValueException", 400, "Required parameter missing: tags"),
    tooMany: limited("Tag limit exceeded: 50"),
  });
  const noTopic = notFound("No notification configuration is set for vault: settings");
  assert.deepEqual(seen.notifications, {
    none: noTopic,
    found: true,
    deleted: noTopic,
    wrong: invalid("Invalid event: Everything"),
  });
  const noPolicy = notFound("No vault access policy is set for: settings");
  assert.deepEqual(seen.accessPolicy, {
    none: noPolicy,
    found: true,
    deleted: noPolicy,
    wrong: invalid("The specified vault access policy is invalid. Provide a valid policy."),
  });
  assert.deepEqual(seen.lock, {
    none: notFound("No vault lock policy is set for: settings"),
    trial: ["InProgress", true, true],
    again: denied("The vault lock is in the InProgress state: settings"),
    wrong: invalid("").slice(0, 3),
    locked: ["Locked", false],
    abort: denied("The vault lock is in the Locked state: settings"),
  });
  assert.deepEqual(seen.retrievalPolicy, {
    default: [{ Strategy: "None" }],
    largest: "9223372036854775807",
    refused: error("PolicyEnforcedException", 400, "InitiateJob request denied by current data retrieval policy."),
    wrong: invalid("").slice(0, 3),
  });
  assert.deepEqual(seen.capacity, { listed: true, third: limited("").slice(0, 3) });
});

test("boto3 raises its own classes also for what seldom happens", async () => {
  const faults = [
    "throttle:operation=ListVaults",
    "unavailable:operation=DescribeVault",
    "no-longer-supported:operation=ListJobs",
    "insufficient-capacity",
  ];
  const seen = await run("boto3_faults.py", [], ["--allow-faults", ...faults.flatMap((fault) => ["--fault", fault])]);
  assert.deepEqual(seen.errors, {
    throttled: ["ClientError", 400, "ThrottlingException"],
    unavailable: ["ServiceUnavailableException", 500, "ServiceUnavailableException"],
    // Debian's model is older than this error.
    noLongerSupported: ["ClientError", 400, "NoLongerSupportedException"],
    insufficientCapacity: ["InsufficientCapacityException", 503, "InsufficientCapacityException"],
  });
});

test("boto3 has called each of the 33 operations with success", () => {
  assert.equal(allOperations.length, 33);
  called.assertAll(allOperations);
});

interface SignedLine {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Array<[string, string]>;
  readonly body: string;
}

test("botocore's signatures over random paths, queries and headers are accepted, and no request with one byte changed", async (t) => {
  const count = 5000;
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const { accessKeyId, secretAccessKey } = rootKey;
  const args = [...script("boto3_signatures.py"), String(count), String(seed), accessKeyId, secretAccessKey, region];
  const { code, stdout, stderr } = await runTool({ url: "" }, python, args);
  assert.equal(code, 0, stderr);
  const identify = authenticator({
    credentials: {
      state: () => ({ version: 0, readAt: 0 }),
      isCurrent: () => true,
      findAccessKey: async () => ({ ...rootKey, accountId: accountId as never, user: null, session: null }),
    },
    region,
    service: "glacier",
    presigned: "all",
    unsignedHeaders: "refuse",
    failures: new FailureLimiter({ burst: 10_000, perSecond: 1 }),
    systemNow: () => new Date(),
  });
  const accepts = (line: SignedLine) => {
    const url = line.query === "" ? line.path : `${line.path}?${line.query}`;
    const rawHeaders = line.headers.flat();
    const message = { httpVersion: "1.1", httpVersionMajor: 1, method: line.method, url, rawHeaders, socket: {} };
    const request = readWireRequest(message as IncomingMessage);
    return identify(request).then(({ verify }) => verify(sha256Of(Buffer.from(line.body))));
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
  t.diagnostic(`${lines} genuine requests, and twice as many changed ones`);
});
