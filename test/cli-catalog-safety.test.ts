import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { lockCatalog } from "../packages/cli/src/catalog/opening/catalog-lock.ts";
import { asRoot, Shell, ShellHere } from "./support/command.ts";
import { filledVault } from "./support/filled-vault.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { untilTrue } from "./support/sdk-client.ts";
import { endingOf, region, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// A catalogue is of one vault, changed by one import or rescue at a time, and no reason to call a rescue complete.

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

const vaultOf = (name: string, descriptions: readonly string[]) => filledVault(http, name, descriptions);

test("two imports, or an import and a rescue, do not change one catalogue at the same time", async () => {
  await vaultOf("busy", ["a"]);
  const [, path = ""] = /^catalogue +(\S+)/.exec(await here.done(["catalog", "import", "busy", "--start"])) ?? [];
  const never = new AbortController().signal;
  {
    await using _ = await lockCatalog(path, { signal: never, stderr: process.stderr });
    for (const more of [[], ["--rebuild"]]) {
      await here.refused(["catalog", "import", "busy", ...more], 1, new RegExp(`its lock is ${path}`));
    }
    await here.refused(["rescue", "busy", "copies", "--yes"], 1, new RegExp(`its lock is ${path}`));
  }
  await here.done(["catalog", "import", "busy"]);
});

test("an import that waits for its inventory does not change a catalogue that was set aside meanwhile", async () => {
  await vaultOf("waits", ["a"]);
  const [, path = ""] = /^catalogue +(\S+)/.exec(await here.done(["catalog", "import", "waits", "--start"])) ?? [];
  const text = await here.done(["inventory", "waits", "--format", "json"]);
  const waiting = shell.start(["catalog", "import", "waits", "-"], { environment: asRoot });
  const ended = endingOf(waiting);
  await untilTrue("it has opened the catalogue", async () =>
    (await readdir(dirname(path))).some((name) => name === `${basename(path)}-wal`),
  );
  await here.done(["catalog", "import", "waits", "--rebuild"]);
  waiting.stdin?.end(text);
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /Another catalogue was put in the place of .*: run the command again/);
});

test("no rescue uses a catalogue whose import has not ended", async () => {
  await vaultOf("halved", ["a"]);
  const [, path = ""] = /^catalogue +(\S+)/.exec(await here.done(["catalog", "import", "halved", "--start"])) ?? [];
  {
    using database = new DatabaseSync(path);
    database.exec("INSERT INTO facts VALUES ('unindexed', 'true')");
  }
  for (const flag of ["--dry-run", "--yes"]) {
    await here.refused(["rescue", "halved", "copies", flag], 1, /An import into .* has not ended/);
  }
});

test("catalogues that were rebuilt are all kept, their costs are carried over, and no other file is replaced", async () => {
  await vaultOf("rebuilt", ["a"]);
  const [, path = ""] = /^catalogue +(\S+)/.exec(await here.done(["catalog", "import", "rebuilt", "--start"])) ?? [];
  const costs = (file: string) => {
    using database = new DatabaseSync(file);
    return database
      .prepare("SELECT name, quantity FROM costs")
      .all()
      .map((row) => ({ ...row }));
  };
  {
    using database = new DatabaseSync(path);
    database.exec("INSERT INTO costs VALUES ('jobs Bulk', 5000)");
  }
  await here.done(["catalog", "import", "rebuilt", "--rebuild"]);
  await here.done(["catalog", "import", "rebuilt", "--rebuild"]);
  for (const file of [path, `${path}.old`, `${path}.old-2`]) {
    assert.deepEqual(costs(file), [{ name: "jobs Bulk", quantity: 5000 }], file);
  }
  await writeFile(join(folder.path, "precious.csv"), "precious");
  {
    using places = new DatabaseSync(join(folder.path, "places.sqlite"));
    places.exec("CREATE TABLE places (name TEXT)");
  }
  await here.refused(
    ["catalog", "import", "rebuilt", "--catalog", "places.sqlite", "--rebuild"],
    1,
    /places\.sqlite is not a catalogue: move it away/,
  );
  await here.refused(
    ["catalog", "import", "rebuilt", "--catalog", "precious.csv", "--rebuild"],
    1,
    /precious\.csv is not a catalogue: move it away/,
  );
  assert.equal(await readFile(join(folder.path, "precious.csv"), "utf8"), "precious");
});

test("a rescue by an inventory that lacks archives of the vault is no success", async () => {
  await vaultOf("short", ["a", "b"]);
  const lines = (await here.done(["inventory", "short", "--format", "csv"])).trimEnd().split("\n");
  await writeFile(join(folder.path, "short.csv"), lines.slice(0, -1).join("\n"));
  const { code, stderr } = await here.run(["rescue", "short", "short-copies", "--inventory", "short.csv", "--yes"]);
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /All that the inventory lists is rescued, but the vault has 1 archive more: the inventory is old/,
  );
  await here.done(["catalog", "import", "short", "--start"]);
  assert.equal((await here.run(["rescue", "short", "short-copies", "--yes"])).code, 0);
});

test("an import after which many archives have vanished warns that the inventory may be cut off", async () => {
  await vaultOf(
    "cut",
    Array.from({ length: 12 }, (_, index) => `file ${index}`),
  );
  await here.done(["catalog", "import", "cut", "--start"]);
  const [head = "", first = ""] = (await here.done(["inventory", "cut", "--format", "csv"])).split("\n");
  const tomorrow = new Date(Date.now() + 20 * 3_600_000).toISOString();
  const { stderr } = await here.run(["catalog", "import", "cut", "-", "--as-of", tomorrow], {
    input: `${head}\n${first}\n`,
  });
  assert.match(
    stderr,
    /warning: 11 archives have vanished, and 1 are listed: make sure that the inventory is complete/,
  );
});

test("a rescue by an old inventory is no success, and what this program has sent or deleted since then does not count", async () => {
  const [id] = await vaultOf("grown", ["a", "b"]);
  await here.done(["catalog", "import", "grown", "--start"]);
  await writeFile(join(folder.path, "own.txt"), "own");
  await here.done(["send", "own.txt", "grown"]);
  await here.done(["archive", "delete", "grown", `${id}`]);
  assert.equal((await here.run(["rescue", "grown", "grown-copies", "--yes"])).code, 0);
  // The deleted one may be counted by the service, or not.
  await http.uploadArchive("grown", Buffer.from("by others"), "by others");
  await http.uploadArchive("grown", Buffer.from("also by others"), "also by others");
  const { code, stderr } = await here.run(["rescue", "grown", "grown-copies", "--yes"]);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /the vault has 1 archive more: the inventory is old/);
});

test("a catalogue is of one vault, and of no later one with its name", async () => {
  const [id] = await vaultOf("again", ["a"]);
  await here.done(["catalog", "import", "again", "--start"]);
  await here.done(["plan", "again"]);
  await http.deleteArchive("again", `${id}`);
  await here.done(["vault", "delete", "again"]);
  await vaultOf("again", []);
  await writeFile(join(folder.path, "sent.txt"), "sent");
  const uses = [
    ["plan", "again"],
    ["rescue", "again", "copies", "--yes"],
    ["send", "sent.txt", "again"],
    ["fetch", "again", "**", "-o", "copies"],
    ["audit", "again"],
    ["vault", "empty", "again"],
    ["catalog", "import", "again", "--start"],
  ];
  for (const use of uses) {
    await here.refused(use, 1, /is the catalogue of a vault that was created .*: make another catalogue .* --rebuild/);
  }
  const deleted = await here.run(["archive", "delete", "again", `${id}`]);
  assert.match(deleted.stderr, /The catalogue was not updated.*is the catalogue of a vault that was created/);
  await here.refused(
    ["archive", "delete", "again", `${id}`, `${id}`],
    1,
    /is the catalogue of a vault that was created/,
  );
  const uploaded = await here.run(["upload", "again", "sent.txt", "--quiet"]);
  assert.equal(uploaded.code, 0);
  assert.match(uploaded.stderr, /The catalogue was not updated.*is the catalogue of a vault that was created/);
  await here.done(["catalog", "import", "again", "--start", "--rebuild"]);
  await here.done(["send", "sent.txt", "again"]);
});
