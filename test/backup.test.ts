import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { takeReaderLock } from "../packages/server/src/storage/reader-lock.ts";
import { backupFindings } from "./support/backups/programs.ts";
import { Shell } from "./support/command.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { copyOf, type Folders, filledFolders } from "./support/verify/folders.ts";
import { fileOf, findingsIn } from "./support/verify/look.ts";

// Backups of a running server, restored and served.

const vault = "other";
const backupsTaken = Number(process.env["BACKUPS"] ?? 2);
/** Otherwise most of the time would go to what the restored server is asked. */
const loadPauseMilliseconds = 20;

let folders: Folders;
before(async () => {
  folders = await filledFolders();
});
after(() => folders[Symbol.asyncDispose]());

/** Uploads archives that stay, and others that are deleted at once and whose bytes go a second later. */
class Load {
  /** Ids and contents of archives that were acknowledged, and are never deleted. */
  readonly kept = new Map<string, Buffer>();
  readonly #http: GlacierHttp;
  #isOver = false;
  #sent = 0;
  #workers: Promise<void>[] = [];

  constructor(http: GlacierHttp) {
    this.#http = http;
  }

  begin(): void {
    this.#isOver = false;
    this.#workers = [1, 2].map((worker) => this.#work(worker));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
  }

  async #work(worker: number): Promise<void> {
    for (let round = 0; !this.#isOver; round += 1) {
      this.#sent += 1;
      const bytes = contentOf(worker * 10_000 + this.#sent, 3000);
      const id = await this.#http.uploadArchive(vault, bytes, `load ${round}`);
      if (round % 2 === 0) {
        await this.#http.deleteArchive(vault, id);
      } else {
        this.kept.set(id, bytes);
      }
      await sleep(loadPauseMilliseconds);
    }
  }
}

test("a backup under load restores to a sound folder, with each archive acknowledged before it began", async () => {
  await using place = await temporaryFolder();
  const [data, target, key] = ["data", "backups", "key"].map((name) => join(place.path, name)) as [
    string,
    string,
    string,
  ];
  await copyOf(folders.stopped, data);
  await using server = await startServer({ dataFolder: data, flags: ["--deleted-grace", "0"] });
  const http = new GlacierHttp(server.url);
  const shell = new Shell(place.path, {});
  const load = new Load(http);
  try {
    for (let round = 1; round <= backupsTaken; round += 1) {
      load.begin();
      await until(async () => load.kept.size >= 5 * round);
      const acknowledged = new Map(load.kept);
      const taken = await shell.run(["backup", target, "--data", data, "--key-to", key, "--max-rate", "8MB", "--json"]);
      await load.end();
      assert.deepEqual([taken.code, taken.stderr], [0, ""], taken.stdout);
      const { missingSegments, copiedBytes } = JSON.parse(taken.stdout);
      assert.equal(missingSegments, 0);
      assert.ok(round === 1 || copiedBytes < 2_000_000, "what an earlier backup has is not copied again");
      const restored = join(place.path, `restored ${round}`);
      // It ends with a deep verification.
      const made = await shell.run(["restore", target, restored, "--key", key]);
      assert.deepEqual([made.code, made.stderr], [0, ""], made.stdout);
      assert.match(made.stdout, /^no damage found$/m);
      await assertServed(restored, acknowledged);
    }
  } finally {
    await load.end();
    http.close();
  }
  assert.deepEqual(await backupFindings(target, "deep"), []);
});

/** Ids, sizes and tree hashes by an inventory, and the bytes of the last ones by jobs. */
async function assertServed(dataFolder: string, archives: ReadonlyMap<string, Buffer>): Promise<void> {
  await using server = await startServer({ dataFolder, flags: ["--inventory-delay", "0"] });
  const http = new GlacierHttp(server.url);
  try {
    const listed = new Set((await http.inventory(vault)).map(({ ArchiveId }) => ArchiveId));
    assert.deepEqual(
      [...archives.keys()].filter((id) => !listed.has(id)),
      [],
    );
    for (const [id, bytes] of [...archives].slice(-5)) {
      assert.ok((await http.retrieve(vault, id)).equals(bytes), id);
    }
  } finally {
    http.close();
  }
  await server.stop();
  assert.deepEqual(await findingsIn(dataFolder, "quick"), []);
}

test("no segment is removed while a backup holds its lock, and they are afterwards", async () => {
  await using place = await temporaryFolder();
  const data = join(place.path, "data");
  await copyOf(folders.stopped, data);
  await using server = await startServer({ dataFolder: data, flags: ["--deleted-grace", "0"] });
  const http = new GlacierHttp(server.url);
  const [first, second] = [
    await http.uploadArchive(vault, contentOf(1, 100), "1"),
    await http.uploadArchive(vault, contentOf(2, 100), "2"),
  ];
  const file = await fileOf(data, first);
  const lock = takeReaderLock(join(data, "removals.db"), 5000);
  assert.ok(lock !== null && lock !== "held");
  try {
    await http.deleteArchive(vault, first);
    await untilDead(data, file);
    // Its round begins after the removals of the one before.
    await http.deleteArchive(vault, second);
    await untilDead(data, await fileOf(data, second));
    await stat(file);
  } finally {
    lock.close();
  }
  await until(async () => (await stat(file).catch(() => null)) === null);
  http.close();
});

async function untilDead(data: string, file: string): Promise<void> {
  using database = new DatabaseSync(join(data, "moraine.db"), { readOnly: true });
  const nonce = Buffer.from(file.slice(file.lastIndexOf(".") + 1), "base64url");
  const find = database.prepare("SELECT state FROM segments WHERE substr(name, 3) = ?");
  await until(async () => find.get(nonce)?.["state"] === "dead");
}

async function until(isReached: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 20_000; !(await isReached()); ) {
    assert.ok(performance.now() < end, "it takes too long");
    await sleep(50);
  }
}
