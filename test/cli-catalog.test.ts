import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { asRoot, Shell, ShellHere } from "./support/command.ts";
import { filledVault } from "./support/filled-vault.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { endingOf, region, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Catalogues of vaults of a real server, by the command.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let here: ShellHere;
let shell: Shell;
before(async () => {
  folder = await temporaryFolder();
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  const environment = { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  shell = new Shell(folder.path, environment);
  here = new ShellHere(folder.path);
  Object.assign(process.env, environment, asRoot);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const mt2 = (filename: string) =>
  `mt2 ${Buffer.from(JSON.stringify({ filename, mtime: "20150406T222434Z" })).toString("base64url")}`;

const vaultOf = (name: string, descriptions: readonly string[]) => filledVault(http, name, descriptions);

/** Its standard output, whatever it has said next to it. */
async function shown(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await here.run(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

const asOf = /^As of 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z\n/;

test("a vault's inventory is imported, listed, searched and exported", async () => {
  const ids = await vaultOf("photos", [mt2("2019/a.jpg"), mt2("2019/raw/b.RAW"), "plain.txt", ""]);
  await here.refused(
    ["catalog", "ls", "photos"],
    2,
    /^moraine: There is no catalogue of vault photos .*: make one with moraine catalog import photos\n$/,
  );
  // A page of an inventory is none.
  const page = await here.done(["job", "start", "photos", "--inventory", "--limit", "1", "--quiet"]);
  await http.jobSucceeded("photos", page.trim());
  await here.refused(
    ["catalog", "import", "photos"],
    2,
    /^moraine: Vault photos has no inventory to import: add --start /,
  );
  assert.match(
    await here.done(["catalog", "import", "photos", "--start", "--dry-run"]),
    /^Would start an inventory job, wait for it, and import/,
  );
  const imported = await here.done(["catalog", "import", "photos", "--start"]);
  assert.match(
    imported,
    /^catalogue +\S+\/moraine\/catalogs\/photos-[0-9a-f]{8}\.sqlite\nas of +20.*\nlisted +4\nadded +4\nvanished +0\n$/,
  );
  const list = await here.done(["catalog", "ls", "photos"]);
  assert.match(list, asOf);
  const rows = list.split("\n").slice(2, -1);
  assert.deepEqual(
    rows.map((row) => row.replace(/^\S+ +/, "").replace(/ +/g, " ")),
    ["1 present 2019/a.jpg", "2 present 2019/raw/b.RAW", "3 present plain.txt", `4 present (${ids[3]})`],
  );
  assert.equal(await here.done(["catalog", "ls", "photos", "--quiet", "--min-size", "3"]), `${ids[2]}\n${ids[3]}\n`);
  assert.equal(await here.done(["catalog", "find", "photos", "*.raw", "-i", "--quiet"]), `${ids[1]}\n`);
  assert.equal(await here.done(["catalog", "find", "photos", "2019/**", "--quiet"]), `${ids[0]}\n${ids[1]}\n`);
  assert.match(
    await here.done(["catalog", "find", "photos", "nothing/*"]),
    new RegExp(`${asOf.source}CREATED.*PATH\n$`),
  );
  const names = await here.done(["catalog", "ls", "photos", "--show-names", "--by-path"]);
  assert.match(names, /^mt2 +2019\/a\.jpg\n +from mt2 \S+$/m);
  assert.match(names, /\nARCHIVES {2}FORMAT\n +2 {2}mt2\n +1 {2}(none|text)\n +1 {2}(none|text)\n$/);
  const lines = (await shown(["catalog", "find", "photos", "*.jpg", "--json"])).trimEnd().split("\n");
  assert.equal(lines.length, 1);
  const { archiveId, path, format, modifiedAt } = JSON.parse(lines[0] ?? "");
  assert.deepEqual([archiveId, path, format, modifiedAt], [ids[0], "2019/a.jpg", "mt2", "2015-04-06T22:24:34.000Z"]);
  assert.equal((await shown(["catalog", "export", "photos", "--format", "jsonl"])).trimEnd().split("\n").length, 4);
});

test("an export is read back as a file of names, and given names stay", async () => {
  const [id] = await vaultOf("given", ["IMG 1", "IMG 2"]);
  await here.done(["catalog", "import", "given", "--start"]);
  const { stdout, stderr } = await here.run(["catalog", "export", "given"]);
  assert.match(stderr, /^moraine: As of 20/);
  assert.match(stdout, /^ArchiveId,Path,Size,.*\r\n/);
  await writeFile(join(folder.path, "names.csv"), stdout.replace(",IMG 1,", ',"holiday, one.jpg",'));
  assert.match(await here.done(["catalog", "names", "given", "names.csv"]), /^as of +20.*\nrenamed +2\nunknown +0\n$/);
  await here.done(["catalog", "import", "given"]);
  assert.equal(await here.done(["catalog", "find", "given", "holiday*", "--quiet"]), `${id}\n`);
  // One without a name stays so.
  await writeFile(join(folder.path, "names.csv"), stdout.replace(",IMG 1,", ",,"));
  assert.match(await here.done(["catalog", "names", "given", "names.csv"]), /^renamed +1$/m);
  await here.refused(
    ["catalog", "names", "given", "missing.csv"],
    2,
    /^moraine: Cannot read names from .*missing\.csv/,
  );
});

test("inventories come from files and pipes, and what is wrong with them is said", async () => {
  const ids = await vaultOf("files", ["a", "b"]);
  const json = await here.done(["inventory", "files", "--format", "json"]);
  const csv = await here.done(["inventory", "files", "--format", "csv"]);
  await writeFile(join(folder.path, "cut.json"), json.slice(0, -10));
  await writeFile(join(folder.path, "odd.json"), json.replace('"Size":1,', '"Size":-1,'));
  await here.refused(["catalog", "import", "files", "missing.json"], 2, /^moraine: cannot read missing\.json: ENOENT/);
  await here.refused(["catalog", "import", "files", "."], 2, /is a folder: name the file of an inventory/);
  await here.refused(["catalog", "import", "files", "-", "--start"], 2, /leave out the file/);
  await here.refused(["catalog", "import", "files", "cut.json"], 1, /^moraine: .*The inventory is incomplete/m);
  await here.refused(
    ["catalog", "import", "other", "-"],
    1,
    /^moraine: .*The inventory is of \S+:vaults\/files, not of vault other/m,
    {
      input: json,
    },
  );
  const odd = await here.run(["catalog", "import", "files", "odd.json"]);
  assert.match(
    odd.stderr,
    /^moraine: warning: Invalid entry .*"Size":-1.*\n.*1 invalid entry was left out.*\n.*No archive was marked as vanished: some entries are invalid\n$/,
  );
  const { stderr } = await here.run(["catalog", "import", "files", "-"], { input: csv });
  assert.match(
    stderr,
    /warning: No archive was marked as vanished: the inventory has no date: give it with --as-of\n$/,
  );
  assert.match(
    await here.done(["catalog", "import", "files", "-", "--as-of", dateIn(1)], { input: csv }),
    /^vanished +0$/m,
  );
  // It would hide what all later inventories list.
  await here.refused(
    ["catalog", "import", "files", "-", "--as-of", dateIn(3)],
    2,
    /^moraine: Invalid --as-of .*: it is in the future/,
    { input: csv },
  );
  const listed = await here.done(["catalog", "ls", "files", "--quiet"]);
  assert.deepEqual(new Set(listed.trim().split("\n")), new Set(ids));
});

/** A date in some days. */
const dateIn = (days: number): string => new Date(Date.now() + days * 24 * 3600 * 1000).toISOString().slice(0, 10);

test("names with a backslash are the same after an export", async () => {
  await mkdir(join(folder.path, "slashes", "x"), { recursive: true });
  await writeFile(join(folder.path, "slashes", "x", "y"), "slash");
  await writeFile(join(folder.path, "slashes", "x\\y"), "backslash");
  await vaultOf("slashes", []);
  await here.done(["send", "slashes", "slashes"]);
  await writeFile(join(folder.path, "slashes.csv"), (await here.run(["catalog", "export", "slashes"])).stdout);
  await here.done(["catalog", "names", "slashes", "slashes.csv"]);
  const names = (await shown(["catalog", "ls", "slashes", "--json"])).trimEnd().split("\n");
  assert.deepEqual(new Set(names.map((line) => JSON.parse(line).path)), new Set(["x/y", "x\\y"]));
});

test("uploads and deletions are in the catalogue at once, and archives that others deleted have vanished", async () => {
  const [kept, gone] = await vaultOf("changing", ["kept", "gone"]);
  await here.done(["catalog", "import", "changing", "--start"]);
  await writeFile(join(folder.path, "new.txt"), "new");
  const sent = (await here.done(["upload", "changing", "new.txt", "--description", "new.txt", "--quiet"])).trim();
  await here.done(["archive", "delete", "changing", `${kept}`]);
  const states = async () => {
    const all = ["present", "uploaded", "vanished", "deleted"].flatMap((state) => ["--state", state]);
    const lines = (await shown(["catalog", "ls", "changing", ...all, "--json"])).trimEnd().split("\n");
    return Object.fromEntries(lines.map((line) => JSON.parse(line)).map(({ archiveId, state }) => [archiveId, state]));
  };
  assert.deepEqual(await states(), { [`${kept}`]: "deleted", [`${gone}`]: "present", [sent]: "uploaded" });
  await http.deleteArchive("changing", `${gone}`);
  assert.match(await here.done(["catalog", "import", "changing", "--start"]), /^listed +1\nadded +0\nvanished +1\n/m);
  assert.deepEqual(await states(), { [`${kept}`]: "deleted", [`${gone}`]: "vanished", [sent]: "present" });
});

test("a catalogue that cannot be written does not fail an upload or a deletion", async () => {
  await vaultOf("spoilt", ["a"]);
  const imported = await here.done(["catalog", "import", "spoilt", "--start"]);
  const [, path = ""] = /^catalogue +(\S+)/.exec(imported) ?? [];
  await writeFile(path, "no catalogue");
  const uploaded = await here.run(["upload", "spoilt", "new.txt", "--quiet"]);
  assert.equal(uploaded.code, 0);
  assert.match(uploaded.stdout, /^[\w-]{138}\n$/);
  assert.match(
    uploaded.stderr,
    /warning: The catalogue was not updated, and the next import will do that: .* is not a catalogue/,
  );
  const deleted = await here.run(["archive", "delete", "spoilt", uploaded.stdout.trim()]);
  assert.equal(deleted.code, 0);
  assert.match(deleted.stderr, /^moraine: warning: The catalogue was not updated/);
  await here.refused(
    ["catalog", "import", "spoilt"],
    1,
    /is not a catalogue: .*moraine catalog import VAULT --rebuild\n$/,
  );
  const rebuilt = await here.run(["catalog", "import", "spoilt", "--start", "--rebuild"]);
  assert.match(rebuilt.stderr, /\.old does not say what was paid for: --max-cost counts from 0$/m);
  assert.match(rebuilt.stdout, /^added +1$/m);
  assert.equal(await readFile(`${path}.old`, "utf8"), "no catalogue");
});

test("a reader that closes the pipe ends a list quietly, and an interrupted import is completed by the next", async () => {
  const entry = (number: number) => ({
    ArchiveId: `${number}`.padStart(138, "x"),
    ArchiveDescription: `file ${number}`,
    CreationDate: "2015-04-06T22:24:34Z",
    Size: number,
    SHA256TreeHash: "ab".repeat(32),
  });
  const text = JSON.stringify({
    VaultARN: `arn:aws:glacier:${region}:123456789012:vaults/many`,
    InventoryDate: "2026-01-01T00:00:00Z",
    ArchiveList: Array.from({ length: 20_000 }, (_, at) => entry(at)),
  });
  await mkdir(join(folder.path, "many"));
  await writeFile(join(folder.path, "many.json"), text);
  const interrupted = shell.start(["catalog", "import", "many", "-"]);
  interrupted.stdin?.on("error", () => undefined);
  interrupted.stdin?.write(text.slice(0, text.length / 2));
  const started = async () =>
    (await readdir(join(folder.path, "moraine/catalogs"))).some((name) => /^many.*-wal/.test(name));
  while (!(await started())) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  interrupted.kill("SIGKILL");
  await endingOf(interrupted);
  const { code, stderr } = await here.run(["catalog", "ls", "many"]);
  assert.ok(code === 1 ? /An import into .* has not ended/.test(stderr) : code === 0, stderr);
  assert.match(await here.done(["catalog", "import", "many", "many.json"]), /^listed +20000$/m);
  const list = shell.start(["catalog", "ls", "many"]);
  await once(list.stdout ?? list, "data");
  list.stdout?.destroy();
  const ending = await endingOf(list);
  assert.deepEqual([ending.signal, ending.stderr], [null, ""]);
  assert.equal((await readFile(join(folder.path, "many.json"))).length, text.length);
});
