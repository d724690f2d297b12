import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { access, readFile, utimes, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { createClient, type GlacierClient } from "../packages/client/src/node.ts";
import { uploadArchive } from "../packages/client/src/transfers/upload/upload-archive.ts";
import { contentOf } from "./support/content.ts";
import { region, rootKey } from "./support/server-process.ts";
import { inPieces, UploadRig } from "./support/upload-rig.ts";
import type { Passed } from "./support/watching-proxy.ts";

// Journals of uploads that were interrupted, have changed since, or are complete.

const mebibyte = 1024 ** 2;
const content = contentOf(31, 3 * mebibyte + 77);
const small = contentOf(32, 700_000);
const partSizeBytes = mebibyte;
const refusal = { status: 403, code: "AccessDeniedException", message: "no" };
const vaultName = "journals";

let rig: UploadRig;
/** A client of another account, which has a vault of the same name. */
let stranger: GlacierClient;
/** A client whose endpoint the transfers do not know, as with a client that was wrapped. */
let unknown: GlacierClient;
before(async () => {
  rig = await UploadRig.start(vaultName);
  const made = (await rig.http.admin("POST", "/accounts", {})) as {
    AccessKey: typeof rootKey & Record<string, string>;
  };
  const { AccessKeyId: accessKeyId = "", SecretAccessKey: secretAccessKey = "" } = made.AccessKey;
  stranger = await clientOf({ credentials: { accessKeyId, secretAccessKey } });
  await stranger.createVault({ vaultName });
  unknown = { ...rig.client };
});
after(() => rig[Symbol.asyncDispose]());

const clientOf = (options: object) =>
  createClient({ endpoint: rig.proxy.url, region, credentials: rootKey, attemptsMax: 1, ...options });

const isUpload = ({ method, path }: Passed) => method === "POST" && path.endsWith("/archives");
const isComplete = ({ method, path }: Passed) => method === "POST" && /\/multipart-uploads\/./.test(path);
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const openUploads = async (client: GlacierClient) =>
  (await client.listMultipartUploads({ vaultName })).UploadsList.map(({ MultipartUploadId }) => MultipartUploadId);

/** A run with a journal whose upload was refused in the middle. */
async function interruptedRun(client = rig.client) {
  const run = await rig.newRun(content, ({ range }) =>
    range?.startsWith(`${2 * mebibyte}-`) ? { refusal } : undefined,
  );
  const options = { ...run.options, journal: run.journal, partSizeBytes, concurrency: 1 };
  await assert.rejects(uploadArchive(client, run.source, options), { name: "AccessDeniedException" });
  rig.proxy.change = () => undefined;
  return { ...run, options };
}

test("a failure before anything was started leaves no journal, and the corrected call succeeds", async () => {
  for (const bytes of [content, small]) {
    const { source, journal, options } = await rig.newRun(bytes);
    const asked = { ...options, journal, partSizeBytes };
    const closed = await clientOf({ endpoint: "http://127.0.0.1:1" });
    const keyless = await clientOf({ credentials: { ...rootKey, secretAccessKey: "wrong" } });
    const failures: [GlacierClient, object, string][] = [
      [rig.client, { description: "x".repeat(1025) }, "InvalidParameterValueException"],
      [rig.client, { description: "\u00fc" }, "TypeError"],
      [rig.client, { vaultName: "nowhere" }, "ResourceNotFoundException"],
      [keyless, { description: "one" }, "InvalidSignatureException"],
      [closed, { description: "two" }, "GlacierConnectionError"],
    ];
    for (const [client, wrong, name] of failures) {
      await assert.rejects(uploadArchive(client, source, { ...asked, ...wrong }), { name });
    }
    const { archiveId } = await uploadArchive(rig.client, source, { ...asked, description: "right" });
    await rig.assertStored(archiveId, bytes);
  }
});

test("a journal without an upload, as a kill before the first response leaves it, refuses nothing", async () => {
  const { source, journal, options } = await rig.newRun(content);
  const head = {
    format: "moraine upload 1",
    vaultName: "other",
    accountId: null,
    description: "x",
    source: "/old 1 2 3",
  };
  await writeFile(journal, `${JSON.stringify(head)}\n`);
  await uploadArchive(rig.client, source, { ...options, journal });
});

test("a journal of something else is refused, and stays as it is", async () => {
  const { source, journal, options } = await rig.newRun(content);
  for (const text of ["a letter\n", '{"format":"moraine download 1"}\n{"range":0}\n']) {
    await writeFile(journal, text);
    await assert.rejects(
      uploadArchive(rig.client, source, { ...options, journal, restart: true }),
      /is not (a|the) journal/,
    );
    assert.equal(await readFile(journal, "utf8"), text);
  }
});

test("an unfinished upload of a file that has changed is refused, or aborted and started over if asked for", async () => {
  const { source, path, journal, options, warnings } = await interruptedRun();
  const begun = await openUploads(rig.client);
  await utimes(path, 1, 1);
  const mismatch = {
    name: "JournalMismatchError",
    message: `${journal} is of another upload: its source differs. Nothing was changed`,
  };
  await assert.rejects(uploadArchive(rig.client, source, options), mismatch);
  assert.deepEqual(await openUploads(rig.client), begun);
  const { archiveId, resumedBytes } = await uploadArchive(rig.client, source, { ...options, ifChanged: "restart" });
  assert.equal(resumedBytes, 0);
  assert.deepEqual(warnings(), ["journal-discarded"]);
  assert.equal((await openUploads(rig.client)).length, begun.length - 1);
  await rig.assertStored(archiveId, content);
});

test("an unchanged file is resumed also when a changed one would be started over", async () => {
  const { source, options } = await interruptedRun();
  const { resumedBytes } = await uploadArchive(rig.client, source, { ...options, ifChanged: "restart" });
  assert.equal(resumedBytes, 2 * mebibyte);
});

test("an unfinished upload of another account is not touched", async () => {
  const { source, journal, options } = await interruptedRun();
  const begun = await openUploads(rig.client);
  await assert.rejects(uploadArchive(stranger, source, options), {
    name: "JournalMismatchError",
    message: `${journal} is of another upload: its account differs. Nothing was changed`,
  });
  const { archiveId } = await uploadArchive(stranger, source, { ...options, ifChanged: "restart" });
  assert.deepEqual(await openUploads(rig.client), begun);
  assert.ok(!(await rig.archiveIds()).includes(archiveId));
});

test("an upload is resumed even if the caller may not describe the vault", async () => {
  const { source, options } = await interruptedRun();
  rig.proxy.change = ({ method, path }) =>
    method === "GET" && path.endsWith(`/${vaultName}`) ? { refusal } : undefined;
  const { resumedBytes } = await uploadArchive(rig.client, source, options);
  assert.equal(resumedBytes, 2 * mebibyte);
});

for (const [kind, bytes] of [
  ["in one request", small],
  ["in parts", content],
] as const) {
  test(`a complete upload ${kind} is not repeated for its own account, and is made for another`, async () => {
    const { source, journal, options } = await rig.newRun(bytes);
    const asked = { ...options, journal, partSizeBytes };
    const { archiveId } = await uploadArchive(rig.client, source, asked);
    const count = (await rig.archiveIds()).length;
    assert.equal((await uploadArchive(rig.client, source, asked)).archiveId, archiveId);
    assert.equal((await rig.archiveIds()).length, count);
    const { archiveId: other } = await uploadArchive(stranger, source, asked);
    assert.notEqual(other, archiveId);
    assert.equal((await rig.archiveIds()).length, count);
  });

  test(`a complete upload ${kind} is made again once its archive was deleted`, async () => {
    const { source, journal, options } = await rig.newRun(bytes);
    const asked = { ...options, journal, partSizeBytes };
    const { archiveId } = await uploadArchive(rig.client, source, asked);
    await rig.http.deleteArchive(vaultName, archiveId);
    const again = await uploadArchive(rig.client, source, asked);
    assert.notEqual(again.archiveId, archiveId);
    await rig.assertStored(again.archiveId, bytes);
  });

  test(`a complete upload ${kind} does not keep a changed file from being uploaded`, async () => {
    const { source, path, journal, options, warnings } = await rig.newRun(bytes);
    const asked = { ...options, journal, partSizeBytes };
    const { archiveId } = await uploadArchive(rig.client, source, asked);
    await utimes(path, 1, 1);
    assert.notEqual((await uploadArchive(rig.client, source, asked)).archiveId, archiveId);
    assert.deepEqual(warnings(), ["journal-discarded"]);
  });
}

test("an archive counts as stored for a day on AWS, which forgets completed uploads soon", async () => {
  const { source, journal, options, warnings } = await rig.newRun(content);
  const asked = { ...options, journal, partSizeBytes };
  const { archiveId } = await uploadArchive(unknown, source, asked);
  const gone = { status: 404, code: "ResourceNotFoundException", message: "The upload ID was not found: x" };
  rig.proxy.change = (request) => (isComplete(request) ? { refusal: gone } : undefined);
  assert.equal((await uploadArchive(unknown, source, asked)).archiveId, archiveId);
  const lines = (await readFile(journal, "utf8")).split("\n");
  const old = lines.map((line) => line.replace(/"storedAt":\d+/, `"storedAt":${Date.now() - 24.5 * 3_600_000}`));
  await writeFile(journal, old.join("\n"));
  rig.proxy.change = (request) => (isComplete(request) && warnings().length === 0 ? { refusal: gone } : undefined);
  assert.notEqual((await uploadArchive(unknown, source, asked)).archiveId, archiveId);
  assert.deepEqual(warnings(), ["journal-discarded"]);
});

for (const [service, client] of [
  ["a Moraine server", () => rig.client],
  ["what may be AWS", () => unknown],
] as const) {
  test(`a small file whose last response from ${service} was lost makes one archive when the call is repeated`, async () => {
    const count = (await rig.archiveIds()).length;
    let recorded = "";
    const { source, journal, options, requests } = await rig.newRun(small, (request) => {
      if (!isUpload(request) && !isComplete(request)) {
        return undefined;
      }
      recorded = readFileSync(journal, "utf8");
      return { swallowed: true };
    });
    await assert.rejects(uploadArchive(client(), source, { ...options, journal }), { name: "GlacierConnectionError" });
    assert.equal((await rig.archiveIds()).length, count + 1, "the service has carried it out");
    assert.match(recorded, service === "a Moraine server" ? /"invocationId":"[\w-]{36}"/ : /"uploadId":"/);
    assert.equal(
      requests().some((line) => line.endsWith("/archives")),
      service === "a Moraine server",
    );
    rig.proxy.change = () => undefined;
    const { archiveId } = await uploadArchive(client(), source, { ...options, journal });
    assert.equal((await rig.archiveIds()).length, count + 1);
    await rig.assertStored(archiveId, small);
  });
}

test("a small file whose lost request is refused when it is repeated is not stored again later", async () => {
  const count = (await rig.archiveIds()).length;
  const { source, journal, options } = await rig.newRun(small, (request) =>
    isUpload(request) ? { swallowed: true } : undefined,
  );
  await assert.rejects(uploadArchive(rig.client, source, { ...options, journal }), { name: "GlacierConnectionError" });
  rig.proxy.change = (request) => (isUpload(request) ? { refusal } : undefined);
  await assert.rejects(uploadArchive(rig.client, source, { ...options, journal }), { name: "AccessDeniedException" });
  rig.proxy.change = () => undefined;
  await uploadArchive(rig.client, source, { ...options, journal });
  assert.equal((await rig.archiveIds()).length, count + 1);
});

test("a small stream with other bytes than the lost request is a new archive, with a warning that describes the other one", async () => {
  const { journal, options, warnings } = await rig.newRun(small, (request) =>
    isUpload(request) ? { swallowed: true } : undefined,
  );
  const asked = { ...options, journal };
  await assert.rejects(uploadArchive(rig.client, inPieces(small, 50_000), asked));
  rig.proxy.change = () => undefined;
  const { archiveId } = await uploadArchive(rig.client, inPieces(small.subarray(1), 50_000), asked);
  await rig.assertStored(archiveId, small.subarray(1));
  assert.deepEqual(warnings(), ["journal-discarded"]);
});

test("one request whose response was lost is reported as unknown without a journal", async () => {
  const { source, options } = await rig.newRun(small, (request) =>
    isUpload(request) ? { swallowed: true } : undefined,
  );
  await assert.rejects(uploadArchive(rig.client, source, options), {
    name: "CompletionUnknownError",
    message: /^Whether the service has stored the archive is not known \(.*tree hash \w{64} in the next inventory/,
    sizeBytes: small.length,
  });
});

test("one request that was refused is reported as refused without a journal", async () => {
  const { source, options } = await rig.newRun(small, (request) => (isUpload(request) ? { refusal } : undefined));
  await assert.rejects(uploadArchive(rig.client, source, options), { name: "AccessDeniedException" });
});

test("an upload without a journal that cannot be aborted is a warning", async () => {
  const { source, options, warnings } = await rig.newRun(content, ({ method, range }) =>
    method === "DELETE" || range?.startsWith(`${2 * mebibyte}-`) ? { refusal } : undefined,
  );
  await assert.rejects(uploadArchive(rig.client, source, { ...options, partSizeBytes }), {
    name: "AccessDeniedException",
  });
  assert.deepEqual(warnings(), ["upload-not-aborted"]);
});

test("a failure before a journal was needed leaves no file", async () => {
  const { source, journal, options } = await rig.newRun(small, (request) =>
    isUpload(request) ? { refusal } : undefined,
  );
  await assert.rejects(uploadArchive(rig.client, source, { ...options, journal }));
  assert.equal(await exists(journal), false);
});
