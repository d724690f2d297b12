import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { StorageFullError } from "../../src/domain/stores/blob-store.ts";
import { type MetadataStore, MetadataUnavailableError } from "../../src/domain/stores/metadata-store.ts";
import { assertError, contentHeaders, createVault, vaultPath } from "../support/glacier.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { connectRaw } from "./raw-socket.ts";

// An internal failure is a response in the API's form that says nothing of the cause; bytes that cannot be parsed are no request.

let metadata: MetadataStore;
let server: TestServer;
/** The error that the stores fail with. */
let failure: Error | undefined;
const secret = "/var/lib/moraine/metadata.db";

before(async () => {
  metadata = await openInlineStore(":memory:");
  const listVaults: MetadataStore["listVaults"] = (page) =>
    failure === undefined ? metadata.listVaults(page) : Promise.reject(failure);
  const blobs = new MemoryBlobStore();
  const create = blobs.create.bind(blobs);
  blobs.create = (key, sizeBytes) => (failure === undefined ? create(key, sizeBytes) : Promise.reject(failure));
  server = await startTestServer({ metadata: { ...metadata, listVaults }, blobs });
  await createVault(server, "photos");
});
after(async () => {
  await server.stop();
  await metadata.close();
});

const unavailable = (message: string) => ({ status: 500, code: "ServiceUnavailableException", message });
const list = () => server.client.send({ method: "GET", path: "/-/vaults" });
const upload = () => {
  const body = Buffer.from("bytes");
  return server.client.send({
    method: "POST",
    path: `${vaultPath("photos")}/archives`,
    headers: contentHeaders(body),
    body,
  });
};

test("a failure that nobody foresaw is a 500 that tells nothing of it, and the service continues", async () => {
  failure = new Error(secret);
  const internal = unavailable("The service had an internal failure. Try again later.");
  assertError(await list(), internal);
  assertError(await upload(), internal);
  failure = undefined;
  assert.equal((await list()).status, 200);
  assert.equal((await upload()).status, 201);
  const logged = server.records.filter(({ error }) => error !== null);
  assert.deepEqual(
    logged.map(({ error }) => (error as Error).message),
    [secret, secret],
  );
});

test("metadata that cannot be reached is a 500 that says so", async () => {
  failure = new MetadataUnavailableError(secret);
  assertError(await list(), unavailable("The service cannot reach its metadata. Try again later."));
  failure = undefined;
});

test("a full disk is a 500 that says so", async () => {
  failure = new StorageFullError(secret);
  assertError(await upload(), unavailable("The storage is full: nothing can be stored until there is room again."));
  failure = undefined;
});

test("a path or a query that is not percent-encoded UTF-8 is no request", async () => {
  const connection = await connectRaw(server.port);
  for (const target of [
    "/-/vaults/%C3%28",
    "/-/vaults/%zz",
    "/-/vaults/%",
    "/-/vaults?marker=%C3%28",
    "/-/vaults?%zz=1",
  ]) {
    const answer = await connection.request(
      `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 x\r\n\r\n`,
    );
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json()?.code, "BadRequest", answer.text);
    assert.match(answer.text, /is not percent-encoded UTF-8/);
  }
  connection.close();
});
