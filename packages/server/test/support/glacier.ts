import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import type { GlacierJobDescription, JobStatusCode } from "@moraine/protocol";
import { naiveRoot, sha256 } from "../../../protocol/test/naive-tree.ts";
import { accountId, region, type TestServer } from "./server.ts";
import type { WireAnswer } from "./signed-request.ts";

// Calls as a client makes them, for tests that need something to be there; each asserts that it was answered with success.

export const mebibyte = 1024 ** 2;
/** Shaped like an archive's, a job's and an upload's id, and never issued. */
export const unknownArchiveId = `-${"x".repeat(137)}`;
export const unknownId = `_${"y".repeat(91)}`;

export const arn = (vault: string): string => `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`;
export const vaultPath = (vault: string): string => `/-/vaults/${vault}`;

/** The tree hash as the guide words it, shared with no code of ours. */
export function treeHashOf(bytes: Uint8Array): string {
  const leaves = Array.from({ length: Math.ceil(bytes.length / mebibyte) }, (_, index) =>
    sha256(bytes.subarray(index * mebibyte, (index + 1) * mebibyte)),
  );
  return Buffer.from(naiveRoot(leaves)).toString("hex");
}

/** The headers that vouch for a body. */
export function contentHeaders(bytes: Uint8Array): Record<string, string> {
  return { "x-amz-content-sha256": hash("sha256", bytes), "x-amz-sha256-tree-hash": treeHashOf(bytes) };
}

export async function createVault({ client }: TestServer, vault: string): Promise<void> {
  assert.equal((await client.send({ method: "PUT", path: vaultPath(vault) })).status, 201);
}

export async function uploadArchive(
  { client }: TestServer,
  vault: string,
  body: Uint8Array,
  description?: string,
): Promise<string> {
  const headers = { ...contentHeaders(body), "x-amz-archive-description": description };
  const answer = await client.send({ method: "POST", path: `${vaultPath(vault)}/archives`, headers, body });
  assert.equal(answer.status, 201, answer.text);
  return String(answer.headers["x-amz-archive-id"]);
}

export async function deleteArchive({ client }: TestServer, vault: string, archiveId: string): Promise<void> {
  const answer = await client.send({ method: "DELETE", path: `${vaultPath(vault)}/archives/${archiveId}` });
  assert.equal(answer.status, 204, answer.text);
}

export async function initiateUpload(
  { client }: TestServer,
  vault: string,
  partSize: number,
  description?: string,
): Promise<string> {
  const headers = { "x-amz-part-size": String(partSize), "x-amz-archive-description": description };
  const answer = await client.send({ method: "POST", path: `${vaultPath(vault)}/multipart-uploads`, headers });
  assert.equal(answer.status, 201, answer.text);
  return String(answer.headers["x-amz-multipart-upload-id"]);
}

/** The request for a part, for tests that change something about it. */
export function partRequest(vault: string, uploadId: string, firstByte: number, body: Uint8Array) {
  const range = `bytes ${firstByte}-${firstByte + body.length - 1}/*`;
  return {
    method: "PUT",
    path: `${vaultPath(vault)}/multipart-uploads/${uploadId}`,
    headers: { ...contentHeaders(body), "content-range": range },
    body,
  };
}

export function completeRequest(vault: string, uploadId: string, archive: Uint8Array) {
  return {
    method: "POST",
    path: `${vaultPath(vault)}/multipart-uploads/${uploadId}`,
    headers: { "x-amz-archive-size": String(archive.length), "x-amz-sha256-tree-hash": treeHashOf(archive) },
  };
}

export async function uploadInParts(
  server: TestServer,
  vault: string,
  archive: Uint8Array,
  partSize: number,
  description?: string,
): Promise<string> {
  const uploadId = await initiateUpload(server, vault, partSize, description);
  for (let start = 0; start < archive.length; start += partSize) {
    const part = archive.subarray(start, start + partSize);
    const answer = await server.client.send(partRequest(vault, uploadId, start, part));
    assert.equal(answer.status, 204, answer.text);
  }
  const answer = await server.client.send(completeRequest(vault, uploadId, archive));
  assert.equal(answer.status, 201, answer.text);
  return String(answer.headers["x-amz-archive-id"]);
}

export function jobRequest(vault: string, parameters: Readonly<Record<string, unknown>>) {
  return { method: "POST", path: `${vaultPath(vault)}/jobs`, body: JSON.stringify(parameters) };
}

export async function initiateJob(
  { client }: TestServer,
  vault: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<string> {
  const answer = await client.send(jobRequest(vault, parameters));
  assert.equal(answer.status, 202, answer.text);
  return String(answer.headers["x-amz-job-id"]);
}

export async function describeJob(
  { client }: TestServer,
  vault: string,
  jobId: string,
): Promise<GlacierJobDescription> {
  const answer = await client.send({ method: "GET", path: `${vaultPath(vault)}/jobs/${jobId}` });
  assert.equal(answer.status, 200, answer.text);
  return answer.json<GlacierJobDescription>();
}

/** Polls, as clients do, for at most 30 seconds. */
export async function waitForJob(
  server: TestServer,
  vault: string,
  jobId: string,
  status: JobStatusCode = "Succeeded",
): Promise<GlacierJobDescription> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const job = await describeJob(server, vault, jobId);
    if (job.Completed || Date.now() > deadline) {
      assert.equal(job.StatusCode, status, job.StatusMessage ?? "");
      return job;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Checks again, for at most 30 seconds, what the service does in its own time. */
export async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `it took too long until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function finishedJob(
  server: TestServer,
  vault: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<string> {
  const jobId = await initiateJob(server, vault, parameters);
  await waitForJob(server, vault, jobId);
  return jobId;
}

export function getOutput({ client }: TestServer, vault: string, jobId: string, range?: string): Promise<WireAnswer> {
  return client.send({ method: "GET", path: `${vaultPath(vault)}/jobs/${jobId}/output`, headers: { range } });
}

/** A 201 carries an empty JSON object, as the service's does: a client that parses each body needs one. */
export function assertCreated(answer: WireAnswer): void {
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.text, "{}");
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["content-length"], "2");
}

export interface ExpectedError {
  readonly status: number;
  readonly code: string;
  readonly message: string | RegExp;
}

/** Asserts the form of docs/wire.md#errors: JSON with three fields, and a request id. */
export function assertError(answer: WireAnswer, { status, code, message }: ExpectedError): void {
  assert.equal(answer.status, status, answer.text);
  const body = answer.json<Record<string, string>>();
  assert.deepEqual(Object.keys(body), ["code", "message", "type"]);
  assert.equal(body["code"], code, answer.text);
  assert.equal(body["type"], status < 500 ? "Client" : "Server");
  if (typeof message === "string") {
    assert.equal(body["message"], message);
  } else {
    assert.match(body["message"] ?? "", message);
  }
  assert.equal(answer.headers["content-type"], "application/json");
  assert.equal(answer.headers["content-length"], String(answer.body.length));
  assert.match(String(answer.headers["x-amzn-requestid"]), /^[A-Za-z0-9_-]{48}$/);
}

export const invalid = (message: string | RegExp): ExpectedError => ({
  status: 400,
  code: "InvalidParameterValueException",
  message,
});
export const missing = (name: string): ExpectedError => ({
  status: 400,
  code: "MissingParameterValueException",
  message: `Required parameter missing: ${name}`,
});
export const notFound = (message: string): ExpectedError => ({
  status: 404,
  code: "ResourceNotFoundException",
  message,
});
export const vaultNotFound = (vault: string): ExpectedError => notFound(`Vault not found for ARN: ${arn(vault)}`);

/** Bytes that no pattern explains, and that no two tests share. */
export const randomContent = (sizeBytes: number): Buffer => randomBytes(sizeBytes);

/** Unlike `deepEqual`, does not spend minutes on printing how large bodies differ. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length, "the lengths differ");
  assert.ok(Buffer.compare(actual, expected) === 0, "the bytes differ");
}
