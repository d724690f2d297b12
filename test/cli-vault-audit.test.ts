import assert from "node:assert/strict";
import { mkdir, readdir, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { asRoot, ShellHere } from "./support/command.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { region, type ServerProcess, startServer } from "./support/server-process.ts";
import { memoryFolder, temporaryFolder } from "./support/temporary-folder.ts";

// The catalogue, the vault of a real server, and a folder compared, after each of them was changed behind the others.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ServerProcess;
let http: GlacierHttp;
let here: ShellHere;
before(async () => {
  folder = await temporaryFolder(memoryFolder);
  server = await startServer({ dataFolder: join(folder.path, "data") });
  http = new GlacierHttp(server.url);
  here = new ShellHere(folder.path);
  const environment = { AWS_ENDPOINT_URL_GLACIER: server.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  Object.assign(process.env, environment, asRoot);
});
after(async () => {
  http.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function sent(name: string, files: Readonly<Record<string, string>>): Promise<void> {
  await http.createVault(name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder.path, name, path, ".."), { recursive: true });
    await writeFile(join(folder.path, name, path), content);
  }
  await here.done(["send", name, name]);
}

/** Runs with `--json`, and returns the differences as their kinds and paths, and the counts. */
async function audit(...args: readonly string[]) {
  const { code, stdout, stderr } = await here.run(["audit", ...args, "--json"]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const found = lines.filter(({ event }) => event === "difference");
  assert.equal(code, found.length === 0 ? 0 : 4, stderr);
  return { found, differences: found.map(({ kind, path }) => `${kind} ${path}`).toSorted(), done: lines.at(-1) };
}

const idOf = async (vault: string, path: string) =>
  (await http.inventory(vault)).find(({ ArchiveDescription }) => ArchiveDescription.includes(`"${path}"`))?.ArchiveId ??
  "";

test("a vault, its catalogue and its folder agree after they were sent", async () => {
  await sent("same", { a: "one", "sub/b": "two" });
  const { differences, done } = await audit("same", "same");
  assert.deepEqual([differences, done.listed, done.files], [[], 2, 2]);
  const text = await here.run(["audit", "same", "same"]);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /^inventory {2}2 archives, as of 20.*\nfolder {5}2 files\nresult {5}no differences\n$/);
});

test("each kind of difference is found, and the exit code is 4", async () => {
  await sent("differs", { changed: "one", touched: "two", gone: "three", deleted: "four", "sub/same": "five" });
  const deleted = await idOf("differs", "deleted");
  await http.demand({ method: "DELETE", path: `/-/vaults/differs/archives/${deleted}` });
  await http.uploadArchive("differs", Buffer.from("foreign"), "by another program");
  const path = (name: string) => join(folder.path, "differs", name);
  await writeFile(path("changed"), "ONE");
  await writeFile(path("touched"), "longer than two");
  await rm(path("gone"));
  await writeFile(path("new"), "new");
  await writeFile(path("empty"), "");
  await symlink("new", path("link"));
  // Dates of inventories have whole seconds, and what is newer is no difference.
  await sleep(1100);
  const { found, differences } = await audit("differs", "differs");
  assert.deepEqual(differences, [
    "different-in-folder changed",
    "different-in-folder touched",
    "missing-in-folder gone",
    "missing-in-vault deleted",
    "unknown-in-folder new",
    "unknown-in-vault by another program",
  ]);
  const details = (name: string) => found.find((one) => one.path === name)?.details;
  assert.deepEqual([details("changed"), details("touched")], ["other content", "15 bytes, not 3"]);
  const text = await here.run(["audit", "differs", "differs"]);
  assert.equal(text.code, 4);
  assert.match(text.stdout, /^missing in the vault: deleted$/m);
  assert.match(text.stdout, /^result +6 differences$/m);
  assert.match(text.stderr, /^moraine: 6 differences were found: see above\n$/m);
  assert.equal((await audit("differs")).found.length, 2, "without a folder, the vault alone");
});

test("a file with the content of an older version is a difference", async () => {
  for (const content of ["AAAA", "BBBB"]) {
    await sent("older", { "a.txt": content });
  }
  await writeFile(join(folder.path, "older/a.txt"), "AAAA");
  assert.deepEqual((await audit("older", "older")).differences, ["older-in-folder a.txt"]);
  assert.match((await here.run(["audit", "older", "older"])).stdout, /^an older version in the folder: a\.txt$/m);
});

test("names that two archives share, or that are changed in a folder, hide no difference", async () => {
  await sent("unsafe", { "a:b": "first", a_b: "other", "c:d": "old" });
  await here.done(["fetch", "unsafe", "**", "-o", "unsafe-out"]);
  assert.deepEqual((await audit("unsafe", "unsafe-out")).differences, []);
  // The older of two that want one name has it, and the other one gets its date.
  const dated = (await readdir(join(folder.path, "unsafe-out"))).filter((name) => /^a_b \(/.test(name));
  assert.equal(dated.length, 1);
  await rename(join(folder.path, "unsafe-out", dated[0] ?? ""), join(folder.path, "moved"));
  assert.equal((await audit("unsafe", "unsafe-out")).differences.length, 1);
  await rename(join(folder.path, "moved"), join(folder.path, "unsafe-out", dated[0] ?? ""));

  await writeFile(join(folder.path, "unsafe", "c:d"), "new");
  await here.done(["send", "unsafe", "unsafe"]);
  const { differences } = await audit("unsafe", "unsafe-out");
  assert.equal(differences.length, 1, differences.join());
  assert.match(differences[0] ?? "", /-in-folder c_d$/);
});

test("a quick audit compares sizes and times alone", async () => {
  await sent("quick", { a: "one" });
  const { mtime } = await stat(join(folder.path, "quick/a"));
  await writeFile(join(folder.path, "quick/a"), "ONE");
  await utimes(join(folder.path, "quick/a"), mtime, mtime);
  assert.deepEqual((await audit("quick", "quick", "--quick")).differences, []);
  assert.deepEqual((await audit("quick", "quick")).differences, ["different-in-folder a"]);
});

test("an inventory in a file is compared by its date: what is newer is no difference", async () => {
  await sent("dated", { a: "one", b: "two" });
  const archives = await http.inventory("dated");
  const [first] = archives;
  const write = (date: string, list: readonly object[]) =>
    writeFile(
      join(folder.path, "inventory.json"),
      JSON.stringify({
        VaultARN: "arn:aws:glacier:us-east-1:123456789012:vaults/dated",
        InventoryDate: date,
        ArchiveList: list,
      }),
    );
  await write("2001-01-01T00:00:00Z", []);
  const old = await audit("dated", "--inventory", "inventory.json");
  assert.deepEqual([old.differences, old.done.newer], [[], 2]);
  await write("2100-01-01T00:00:00Z", [{ ...first, Size: 4 }]);
  const later = await audit("dated", "--inventory", "inventory.json");
  assert.deepEqual(
    later.found.map(({ kind }) => kind),
    ["different-in-vault", "missing-in-vault"],
  );
  assert.equal(later.found[0].details, "4 bytes, not 3");
  await writeFile(join(folder.path, "inventory.json"), '{"ArchiveList":[');
  await here.refused(["audit", "dated", "--inventory", "inventory.json"], 1, /ends|incomplete|inventory/i);
});

test("an inventory of another vault, and one that does not exist, are refused", async () => {
  await sent("right", { a: "one" });
  const write = (name: string, arn: string, list: readonly object[]) =>
    writeFile(join(folder.path, name), JSON.stringify({ VaultARN: arn, InventoryDate: new Date(), ArchiveList: list }));
  await write("wrong.json", "arn:aws:glacier:us-east-1:123456789012:vaults/wrong", await http.inventory("right"));
  const refused = (name: string, code: number, message: RegExp) =>
    here.refused(["audit", "right", "--inventory", name], code, message);
  await refused(
    "wrong.json",
    1,
    /The inventory is of arn:aws:glacier:us-east-1:123456789012:vaults\/wrong, not of \S+vaults\/right/,
  );
  await write("wrong.json", "arn:aws:glacier:us-east-1:123456789012:vaults/wrong", []);
  await refused("wrong.json", 1, /The inventory is of arn/);
  await refused("no-inventory.json", 2, /cannot read no-inventory\.json: ENOENT/);
});

test("an invalid entry of the inventory is a difference", async () => {
  await sent("invalid", { a: "one" });
  const list = [...(await http.inventory("invalid")), { ArchiveId: "broken" }];
  const inventory = {
    VaultARN: "arn:aws:glacier:us-east-1:123456789012:vaults/invalid",
    InventoryDate: new Date(),
    ArchiveList: list,
  };
  await writeFile(join(folder.path, "invalid.json"), JSON.stringify(inventory));
  const { found } = await audit("invalid", "--inventory", "invalid.json");
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ["invalid-in-inventory"],
  );
});

test("archives whose paths lead out of the folder are looked for within it", async () => {
  await sent("outside", { a: "one" });
  await writeFile(join(folder.path, "secret"), "secret");
  const id = await http.uploadArchive("outside", Buffer.from("secret"), '{"path":"../secret"}');
  const list = {
    VaultARN: `arn:aws:glacier:${region}:123456789012:vaults/outside`,
    InventoryDate: new Date().toISOString(),
    ArchiveList: await http.inventory("outside"),
  };
  await here.done(["catalog", "import", "outside", "-"], { input: JSON.stringify(list) });
  const { found } = await audit("outside", "outside");
  assert.deepEqual(
    found.map(({ kind, archiveId }) => [kind, archiveId]),
    [["missing-in-folder", id]],
  );
});

test("wrong usage is refused", async () => {
  await here.refused(["audit", "nothing"], 2, /There is no catalogue of vault nothing/);
  await here.refused(["audit", "same", "secret"], 2, /secret is not a folder/);
});
