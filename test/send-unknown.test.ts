import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createClient, DigestPool } from "@moraine/client/node";
import { Catalog } from "../packages/cli/src/catalog/catalog.ts";
import { importInventory } from "../packages/cli/src/catalog/inventory/import-inventory.ts";
import { FilesProgress } from "../packages/cli/src/sending/files-progress.ts";
import { KeyedTurns } from "../packages/cli/src/sending/keyed-turns.ts";
import type { LocalFile } from "../packages/cli/src/sending/local/local-entry.ts";
import { sendEntry } from "../packages/cli/src/sending/send-file.ts";
import type { Sending } from "../packages/cli/src/sending/sending.ts";
import type { FileEvent } from "../packages/cli/src/transfers/report-event.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, rootKey, type ServerProcess, startServer } from "./support/server-process.ts";
import { memoryFolder, temporaryFolder } from "./support/temporary-folder.ts";
import { WatchingProxy } from "./support/watching-proxy.ts";

// Files sent to a service that does not recognise a repeated request, as AWS: a real server, behind a client that may be calling AWS.

const startedAt = new Date("2026-01-01T00:00:00Z");
const vaultName = "unknown";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let proxy: WatchingProxy;
let pool: DigestPool;
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  proxy = await WatchingProxy.start(server.url);
  pool = new DigestPool();
  await http.createVault(vaultName);
});
after(async () => {
  await pool[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const signal = new AbortController().signal;
const open = (name: string) =>
  Catalog.open(join(folder.path, `${name}.sqlite`), { endpoint: "", region, accountId: "-", vaultName });

/** Sends files as a run of the command would, and returns the last event of each. */
async function run(
  catalog: Catalog,
  files: readonly LocalFile[],
  options: Partial<Sending> = {},
): Promise<FileEvent[]> {
  const events: FileEvent[] = [];
  const client = await createClient({ endpoint: proxy.url, region, credentials: rootKey });
  const sending: Sending = {
    // A copy, of which nobody knows where it sends its requests.
    client: { ...client },
    vaultName,
    catalog,
    manifest: null,
    format: "json",
    isQuick: false,
    resendsUnknown: false,
    isAws: true,
    pool,
    bandwidth: undefined,
    concurrency: 2,
    turns: new KeyedTurns(),
    lostResponses: 0,
    progress: new FilesProgress((event) => void (event.kind === "file" && events.push(event))),
    now: () => startedAt,
    journalOf: (file) => `${file}.journal`,
    ...options,
  };
  for (const file of files) {
    await sendEntry(sending, file, signal);
  }
  return events;
}

async function fileOf(name: string, content: Uint8Array): Promise<LocalFile> {
  const file = join(folder.path, "files", name);
  await mkdir(join(folder.path, "files"), { recursive: true });
  await writeFile(file, content);
  return {
    kind: "file",
    file,
    path: name,
    sizeBytes: content.length,
    modifiedAt: (await stat(file)).mtime,
    permissions: 0o644,
  };
}

const statesOf = (events: readonly FileEvent[]) => events.map(({ path, state }) => `${path} ${state}`);
const count = async (name: string) =>
  (await http.inventory(vaultName)).filter(({ ArchiveDescription }) => ArchiveDescription.includes(`"${name}"`)).length;
const isUpload = ({ method, path }: { method: string; path: string }) =>
  method === "POST" && path.endsWith("/archives");

/** Imports an inventory of the vault as it is, or an empty one, of a date. */
async function importedAt(catalog: Catalog, date: Date, isEmpty = false): Promise<void> {
  const archives = isEmpty ? [] : await http.inventory(vaultName);
  const document = {
    VaultARN: `arn:aws:glacier:${region}:1:vaults/${vaultName}`,
    InventoryDate: date.toISOString(),
    ArchiveList: archives,
  };
  const bytes = async function* () {
    yield Buffer.from(JSON.stringify(document));
  };
  await importInventory(catalog, bytes(), { signal });
}

const laterBy = (hours: number) => new Date(startedAt.getTime() + hours * 3_600_000);

test("a file whose response was lost is not sent again until a newer inventory shows whether it is stored", async () => {
  using catalog = open("small");
  const files = [await fileOf("small", contentOf(1, 1000)), await fileOf("other", contentOf(2, 1000))];
  proxy.change = (request) =>
    isUpload(request) && request === proxy.passed.find(isUpload) ? { swallowed: true } : undefined;
  const first = await run(catalog, files);
  assert.deepEqual(statesOf(first), ["small unknown", "other sent"]);
  assert.match(
    first[0]?.message ?? "",
    /^the response to its upload was lost, so it may be stored\. Import .*--resend-unknown/,
  );
  const sent = proxy.passed.length;
  assert.deepEqual(statesOf(await run(catalog, files)), ["small unknown", "other known"]);
  await importedAt(catalog, laterBy(0.5), true);
  assert.deepEqual(statesOf(await run(catalog, files.slice(0, 1))), ["small unknown"], "the inventory may be too old");
  assert.deepEqual(proxy.passed.slice(sent).filter(isUpload), []);
  await importedAt(catalog, laterBy(2));
  assert.deepEqual(statesOf(await run(catalog, files)), ["small known", "other known"]);
  assert.equal(await count("small"), 1);
});

test("a file that a newer inventory does not list is sent again, and one that is to be sent in any case", async () => {
  using catalog = open("again");
  const [file, other] = [await fileOf("again", contentOf(3, 1000)), await fileOf("anyway", contentOf(4, 1000))];
  proxy.change = (request) => (isUpload(request) ? { swallowed: true } : undefined);
  assert.deepEqual(statesOf(await run(catalog, [file, other])), ["again unknown", "anyway unknown"]);
  proxy.change = () => undefined;
  assert.deepEqual(statesOf(await run(catalog, [other], { resendsUnknown: true })), ["anyway sent"]);
  assert.equal(await count("anyway"), 2, "as the user has accepted");
  await importedAt(catalog, laterBy(2), true);
  assert.deepEqual(statesOf(await run(catalog, [file])), ["again sent"]);
});

test("a file that has changed since its response was lost is another one, and sent", async () => {
  using catalog = open("changed");
  proxy.change = (request) => (isUpload(request) ? { swallowed: true } : undefined);
  assert.deepEqual(statesOf(await run(catalog, [await fileOf("changed", contentOf(5, 999))])), ["changed unknown"]);
  proxy.change = () => undefined;
  assert.deepEqual(statesOf(await run(catalog, [await fileOf("changed", contentOf(6, 999))])), ["changed sent"]);
});

test("a refused request leaves nothing uncertain", async () => {
  using catalog = open("refused");
  const file = await fileOf("refused", contentOf(7, 999));
  const refusal = { status: 400, code: "InvalidParameterValueException", message: "not today" };
  proxy.change = (request) => (isUpload(request) ? { refusal } : undefined);
  assert.deepEqual(statesOf(await run(catalog, [file])), ["refused failed"]);
  proxy.change = () => undefined;
  assert.deepEqual(statesOf(await run(catalog, [file])), ["refused sent"]);
  assert.equal(await count("refused"), 1);
});

test("a large file whose completion is not known is sent again after a newer inventory alone", async () => {
  using catalog = open("large");
  const file = await fileOf("large", contentOf(8, 17 * 1024 ** 2));
  const refusal = { status: 404, code: "ResourceNotFoundException", message: "The upload ID was not found" };
  const isCompletion = ({ method, path }: { method: string; path: string }) =>
    method === "POST" && /multipart-uploads\/./.test(path);
  proxy.change = (request) => (isCompletion(request) ? { refusal } : undefined);
  assert.deepEqual(statesOf(await run(catalog, [file])), ["large unknown"]);
  assert.deepEqual(statesOf(await run(catalog, [file])), ["large unknown"]);
  const parts = proxy.parts().length;
  assert.equal(parts, 2, "parts are sent once");
  proxy.change = () => undefined;
  await importedAt(catalog, laterBy(2), true);
  let refusals = 1;
  proxy.change = (request) => (isCompletion(request) && refusals-- > 0 ? { refusal } : undefined);
  assert.deepEqual(statesOf(await run(catalog, [file])), ["large sent"]);
  assert.equal(proxy.parts().length, 4);
  await assert.rejects(readFile(`${file.file}.journal`), { code: "ENOENT" });
});

test("ten lost responses in a row are an outage, and end the run", async () => {
  using catalog = open("outage");
  const files = await Promise.all(Array.from({ length: 12 }, (_, at) => fileOf(`outage-${at}`, contentOf(at, 100))));
  proxy.change = (request) => (isUpload(request) ? { swallowed: true } : undefined);
  await assert.rejects(run(catalog, files), { name: "GlacierConnectionError" });
  assert.equal(catalog.uploads.sent("outage-9")?.sizeBytes, 100);
  assert.equal(catalog.uploads.sent("outage-10"), null);
  proxy.change = () => undefined;
});
