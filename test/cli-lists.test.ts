import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { moraineCommand } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { region } from "./support/server-process.ts";
import { startWatchedService, type WatchedService } from "./support/watched-service.ts";

// Lists of files and of ids, as files and as pipes: a pipe has its bytes only once.

let service: WatchedService;
let { folder, http, shell, here } = {} as WatchedService;
before(async () => {
  service = await startWatchedService();
  ({ folder, http, shell, here } = service);
});
after(() => service[Symbol.asyncDispose]());

/** Makes a folder of small files, and a vault of the same name; returns the names. */
async function prepare(name: string, count: number): Promise<string[]> {
  await http.createVault(name);
  await mkdir(join(folder.path, name), { recursive: true });
  const files = Array.from({ length: count }, (_, at) => `${name}/file ${at}`);
  await Promise.all(files.map((file) => writeFile(join(folder.path, file), file)));
  return files;
}

/** Makes a vault with archives; returns their ids. */
async function stored(vault: string, count: number): Promise<string[]> {
  await http.createVault(vault);
  return Promise.all(Array.from({ length: count }, (_, at) => http.uploadArchive(vault, contentOf(at, 1000 + at), "")));
}

const write = (name: string, text: string) => writeFile(join(folder.path, name), text);
const countOf = async (vault: string) => (await http.inventory(vault)).length;

/** Runs the command in a shell that knows process substitution, with the last words as they are written there. */
async function inBash(args: readonly string[], lastWords: string) {
  const script = `exec "$0" "$@" ${lastWords}`;
  const ending = await shell.run(args, { command: ["bash", "-c", script, ...moraineCommand] });
  return { ...ending, done: ending.stdout.trimEnd().split("\n").at(-1) ?? "" };
}

test("a list of files in a pipe is read once, so that each file is sent", async () => {
  const files = await prepare("piped", 40);
  await write("piped-list", files.map((file) => `${file}\n`).join(""));
  const ending = await inBash(["send", "piped"], "--files-from <(cat piped-list)");
  assert.equal(ending.code, 0, ending.stderr);
  assert.match(ending.stdout, /^sent {2}40 files/);
  assert.equal(await countOf("piped"), 40);
  const again = await inBash(["send", "piped"], "--files-from /dev/stdin < <(cat piped-list)");
  assert.match(again.stdout, /^known +40 files/m, again.stderr);
});

test("a list of files in a file is counted before it was sent", async () => {
  const files = await prepare("counted", 3);
  await write("counted-list", files.join("\n"));
  const { stdout } = await here.run(["send", "--files-from", "counted-list", "counted", "--json"]);
  assert.match(stdout, /"files":\{"done":\d,"total":3\}/);
});

test("ids in a pipe are all deleted, and all retrieved", async () => {
  const ids = await stored("ids", 12);
  await write("ids-list", ids.map((id) => `${id}\n`).join(""));
  const retrieved = await inBash(["retrieve", "ids", "-o", "ids-out/"], "@<(cat ids-list)");
  assert.equal(retrieved.code, 0, retrieved.stderr);
  assert.deepEqual(new Set(await readdir(join(folder.path, "ids-out"))), new Set(ids));
  const dry = await inBash(["archive", "delete", "ids", "--dry-run"], "@<(cat ids-list)");
  assert.match(dry.stdout, /^Would delete all archives that \/dev\/fd\/\d+ lists/);
  const deleted = await inBash(["archive", "delete", "ids"], "@/dev/stdin < <(cat ids-list)");
  assert.equal(deleted.stdout, "deleted  12\n", deleted.stderr);
  assert.equal(await countOf("ids"), 0);
});

test("a list that cannot be read is refused before anything is sent", async () => {
  await prepare("unread", 3);
  await here.refused(
    ["send", "unread", "--files-from", "no-list", "unread"],
    2,
    /^moraine: cannot read no-list: ENOENT/,
  );
  await here.refused(["send", "unread", "--files-from", "unread", "unread"], 2, /cannot read unread: it is a folder/);
  await here.refused(["archive", "delete", "unread", "A".repeat(138), "@no-list"], 2, /cannot read no-list: ENOENT/);
  assert.equal(await countOf("unread"), 0);
});

test("a manifest and a database of names, which are read repeatedly, are refused as pipes", async () => {
  await http.createVault("pipes");
  const id = (await stored("pipes-ids", 1))[0] ?? "";
  const arn = `arn:aws:glacier:${region}:123456789012:vaults/pipes`;
  const list = { VaultARN: arn, InventoryDate: new Date(), ArchiveList: [] };
  await here.done(["catalog", "import", "pipes", "-"], { input: JSON.stringify(list) });
  const empty = await inBash(["vault", "empty", "pipes", "--dry-run", "--target", "."], "--only-verified <(true)");
  assert.equal(empty.code, 2);
  assert.match(empty.stderr, /the manifest \/dev\/fd\/\d+ is read several times, and a pipe has its bytes only once/);
  const names = await inBash(["catalog", "names", "pipes"], `<(printf 'SQLite format 3\\0 and more')`);
  assert.equal(names.code, 2);
  assert.match(names.stderr, /a database has to be a file, not a pipe/);
  const csv = await inBash(["catalog", "names", "pipes"], `<(echo '${id},a/b.txt')`);
  assert.match(csv.stdout, /^unknown +1$/m, "a CSV is read once");
});

test("a list with lines that end in CRLF names the same files", async () => {
  const files = await prepare("crlf", 3);
  await write("crlf-list", files.map((file) => `${file}\r\n`).join(""));
  assert.match(await here.done(["send", "--files-from", "crlf-list", "crlf"]), /^sent {2}3 files/);
});
