import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-glacier";
import { GlacierServiceError } from "@moraine/client";
import { createClient, type GlacierClient } from "@moraine/client/node";
import { type OperationName, operations } from "@moraine/protocol";
import {
  answer,
  refuse,
  type Seen,
  type Step,
  scriptedServer,
} from "../packages/client/test/support/scripted-server.ts";
import { type Example, exampleOf, type Members, wireAnswer } from "./support/aws-examples.ts";
import { contentOf } from "./support/content.ts";
import { sdkClient } from "./support/sdk-client.ts";
import { region, rootKey } from "./support/server-process.ts";

// Our client compared with AWS's SDK, called alike and answered alike, by a server that is neither AWS's nor ours: it has the
// examples of AWS's documentation in the form that the SDK's schemas give them.

const names = Object.keys(operations) as OperationName[];
const own = { accountId: "-", vaultName: "my-vault" };
const mebibyte = 1024 ** 2;

/** Fields, and forms of them, that AWS's examples do not have. */
const furtherInputs: [OperationName, Members][] = [
  ["ListVaults", { accountId: "123456789012", limit: 3, marker: "arn:aws:glacier:us-east-1:123456789012:vaults/a" }],
  ["ListJobs", { ...own, limit: 50, marker: "a+b/c=", completed: "false", statuscode: "InProgress" }],
  ["ListParts", { ...own, uploadId: "-an_id", limit: 1000, marker: "1048576" }],
  ["ListMultipartUploads", { ...own, limit: 1, marker: "x y" }],
  ["GetJobOutput", { ...own, jobId: "-an_id", range: "bytes=1048576-4294967296" }],
  ["InitiateMultipartUpload", { ...own, partSize: "4294967296", archiveDescription: "two  spaces, + % ~ and /" }],
  ["UploadMultipartPart", { ...own, uploadId: "u", range: "bytes 3145728-6291461/*", body: contentOf(1, 3145734) }],
  ["UploadArchive", { ...own, archiveDescription: "a  b", body: contentOf(2, 5 * mebibyte + 1) }],
  ["AddTagsToVault", { ...own, Tags: { größe: "", "a b": "c+d" } }],
  [
    "InitiateJob",
    {
      ...own,
      jobParameters: {
        Type: "archive-retrieval",
        ArchiveId: "-an_id",
        Description: 'with "quotes" and \\',
        SNSTopic: "arn:aws:sns:us-east-1:123456789012:restores",
        RetrievalByteRange: "0-1048575",
        Tier: "Expedited",
      },
    },
  ],
  [
    "InitiateJob",
    {
      ...own,
      jobParameters: {
        Type: "inventory-retrieval",
        Format: "JSON",
        InventoryRetrievalParameters: {
          StartDate: "2015-07-17T20:23:41Z",
          EndDate: "2016-01-01",
          Limit: "7",
          Marker: "m",
        },
      },
    },
  ],
];
const wholeOutput = {
  status: 206,
  checksum: "9628195fcdbcbbe76cdde932d4646fa7de5f219fb39823836d81f0cc0e18aa67",
  contentRange: "bytes 0-7/16",
  acceptRanges: "bytes",
  contentType: "application/octet-stream",
  archiveDescription: "two  spaces",
  body: "8 bytes.",
};

for (const name of names) {
  test(`${name} is asked for, and its response read, as by AWS's SDK`, async () => {
    const example = exampleOf(name);
    const { theirs, ours } = await besideEachOther(name, example);
    assertSameRequest(ours.request, theirs.request);
    assert.deepEqual(plain(ours.output), plain(theirs.output));
    // Spaces around a header's value are not part of it.
    assert.deepEqual(
      plain(ours.output),
      plain(mapped(example.output, (value) => (typeof value === "string" ? value.trim() : value))),
    );
  });
}

for (const [name, input] of furtherInputs) {
  test(`${name} is asked for with ${Object.keys(input).join(", ")} as by AWS's SDK`, async () => {
    const { theirs, ours } = await besideEachOther(name, { input, output: exampleOf(name).output });
    assertSameRequest(ours.request, theirs.request);
  });
}

test("a part of an output comes with all that its headers say", async () => {
  const { theirs, ours } = await besideEachOther("GetJobOutput", {
    input: { ...own, jobId: "j", range: "bytes=0-7" },
    output: wholeOutput,
  });
  assert.deepEqual(plain(ours.output), plain(theirs.output));
  assert.deepEqual(plain(ours.output), wholeOutput);
});

test("each of the SDK's exceptions is ours of the same name", async () => {
  const schemas = Object.entries(sdk).filter(([name]) => name.endsWith("Exception$"));
  const statuses = schemas.map(([name, schema]) => [name.slice(0, -1), Object(schema)[3].httpError] as const);
  const errors = statuses.filter(([, status]) => status !== undefined);
  assert.equal(errors.length, 9);
  for (const [code, status] of errors) {
    const refusal = refuse(status, code, `in words: ${code}`);
    await using server = await scriptedServer(refusal);
    const [theirs, ours] = await Promise.all([
      failureOf(sdkClient(server).send(new sdk.ListVaultsCommand({ accountId: "-" }))),
      failureOf((await clientOf(server.url)).listVaults()),
    ]);
    assert.ok(theirs instanceof sdk.GlacierServiceException && ours instanceof GlacierServiceError);
    assert.equal(ours.constructor.name, theirs.constructor.name);
    assert.deepEqual(
      [ours.name, ours.message, ours.status, ours.requestId],
      [theirs.name, theirs.message, theirs.$metadata.httpStatusCode, theirs.$metadata.requestId],
    );
  }
});

interface Exchange {
  readonly request: Seen;
  readonly output: Members;
}

/** The same call by both, and what came of it. */
async function besideEachOther(name: OperationName, { input, output }: Example) {
  const { status, headers, body } = wireAnswer(name, output);
  const filled = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== ""));
  return {
    theirs: await exchange(answer(status, headers, body), (url) => callTheirs(url, name, filled)),
    ours: await exchange(answer(status, headers, body), (url) => callOurs(url, name, inOurTypes(filled))),
  };
}

async function exchange(step: Step, call: (url: string) => Promise<Members>): Promise<Exchange> {
  await using server = await scriptedServer(step);
  const output = await call(server.url);
  const [request, ...more] = server.seen;
  assert.ok(request !== undefined && more.length === 0);
  return { request, output };
}

async function callTheirs(url: string, name: OperationName, input: Members): Promise<Members> {
  type Command = new (input: Members) => Parameters<sdk.GlacierClient["send"]>[0];
  const Command = (sdk as unknown as Record<string, Command>)[`${name}Command`] as Command;
  const { $metadata: _, ...output }: Members = Object(await sdkClient({ url }).send(new Command(input)));
  const body = output["body"] as { transformToString(): Promise<string> } | undefined;
  return { ...output, ...(body !== undefined && { body: await body.transformToString() }) };
}

async function callOurs(url: string, name: OperationName, input: Members): Promise<Members> {
  const client = (await clientOf(url)) as unknown as Record<string, (input: Members) => Promise<Members>>;
  const method = client[`${name.charAt(0).toLowerCase()}${name.slice(1)}`];
  const { sizeBytes: _, ...output } = (await method?.(input)) ?? {};
  const body = output["body"] as AsyncIterable<Uint8Array> | undefined;
  return { ...output, ...(body !== undefined && { body: await new Response(ReadableStream.from(body)).text() }) };
}

function clientOf(endpoint: string): Promise<GlacierClient> {
  return createClient({ region, credentials: rootKey, endpoint, attemptsMax: 1 });
}

/** Converts values that AWS's SDK takes as strings to the natural types that our client takes. */
function inOurTypes(input: Members): Members {
  return mapped(input, (value, member) => {
    switch (member) {
      case "range": {
        const [firstByte, lastByte] = String(value).match(/\d+/g)?.map(Number) ?? [];
        return { firstByte, lastByte };
      }
      case "completed":
        return value === "true";
      case "body":
        return Buffer.from(value as string);
      default:
        return value;
    }
  });
}

/** Without what says that nothing is there, and with numbers of one kind. */
function plain(output: Members): unknown {
  const text = JSON.stringify(output, (_key, value) =>
    typeof value === "bigint" ? Number(value) : (value ?? undefined),
  );
  return JSON.parse(text);
}

function mapped(members: Members, to: (value: unknown, member: string) => unknown): Members {
  return Object.fromEntries(Object.entries(members).map(([member, value]) => [member, to(value, member)]));
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail("no failure"),
    (error: unknown) => error,
  );
}

/** Each with its reason why it may differ; all others are the same to the byte. */
const ownHeaders = new Set([
  "accept", // fetch sends these four by itself.
  "accept-encoding", // `identity`: no proxy is to change what is verified.
  "accept-language",
  "sec-fetch-mode",
  "user-agent", // The client and its version, and the attempt.
  "x-amz-user-agent",
  "amz-sdk-invocation-id",
  "amz-sdk-request",
  "x-amz-date", // When, and what follows from the signed headers.
  "authorization",
]);

function assertSameRequest(ours: Seen, theirs: Seen): void {
  const isJson = theirs.headers["content-type"] === "application/json";
  // The SDK sends the tree hash of JSON too, and names the type of archives; it orders fields as its model does.
  const alsoOwn = isJson ? ["x-amz-sha256-tree-hash", "x-amz-content-sha256"] : ["content-type"];
  const compared = ({ headers }: Seen) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => !ownHeaders.has(name) && !alsoOwn.includes(name)));
  const host = "127.0.0.1";
  assert.deepEqual({ ...compared(ours), host }, { ...compared(theirs), host });
  assert.deepEqual([ours.method, ...partsOf(ours.url)], [theirs.method, ...partsOf(theirs.url)]);
  assert.equal(ours.body.length, theirs.body.length);
  const content = ({ body }: Seen) => (isJson ? JSON.parse(body.toString()) : body);
  assert.deepEqual(content(ours), content(theirs));
  assert.equal(scopeOf(ours), scopeOf(theirs));
  const signed = /SignedHeaders=([^,]+)/.exec(ours.headers.authorization ?? "")?.[1]?.split(";") ?? [];
  const mustBeSigned = Object.keys(ours.headers).filter((name) => name === "host" || name.startsWith("x-amz-"));
  assert.deepEqual(
    mustBeSigned.filter((name) => !signed.includes(name)),
    [],
  );
}

/** The path, and the query as it is written, in any order. */
function partsOf(url: string): [path: string | undefined, pairs: Set<string> | undefined] {
  const [path, query] = url.split("?");
  return [path, query === undefined ? undefined : new Set(query.split("&"))];
}

/** Key, region and service, without the day. */
function scopeOf({ headers }: Seen): string | undefined {
  return /^AWS4-HMAC-SHA256 Credential=[^,]+/.exec(headers.authorization ?? "")?.[0].replace(/\/\d{8}\//, "//");
}
