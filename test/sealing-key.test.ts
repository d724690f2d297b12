import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createTables } from "../packages/server/src/storage/metadata/migrations/migrate.ts";
import { openWriting } from "../packages/server/src/storage/metadata/sqlite/sqlite-connection.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The key that opens the secrets: kept, lost, changed and mistaken.

test("a server starts with the key that its secrets were sealed with, or not at all, and the key can be changed", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const ownKey = join(dataFolder, "secrets.key");
  const [aside, next, wrong, short] = ["aside.key", "next.key", "wrong.key", "short.key"].map((name) =>
    join(folder.path, name),
  ) as [string, string, string, string];
  await writeFile(next, randomBytes(32), { mode: 0o600 });
  await writeFile(wrong, randomBytes(32), { mode: 0o600 });
  await writeFile(short, randomBytes(31), { mode: 0o600 });
  const starts = async (...flags: string[]) => {
    await using server = await startServer({ dataFolder, flags });
    const glacier = new GlacierHttp(server.url);
    await glacier.createVault("photos");
    glacier.close();
    await server.stop();
  };
  const refuses = async (reason: RegExp, ...flags: string[]) => {
    const { code, stderr } = await runServer(["--data", dataFolder, "--listen", "127.0.0.1:0", ...flags]);
    assert.equal(code, 1);
    assert.match(stderr, reason);
    assert.equal(stderr.trim().split("\n").length, 1, stderr);
  };
  await starts();
  await rename(ownKey, aside);
  await refuses(/^moraine: .*secrets\.key is missing, and secrets in the database need it; restore it from a backup$/m);
  assert.equal(existsSync(ownKey), false);
  await refuses(/not the one that the database's secrets were sealed with/, "--sealing-key", wrong);
  await refuses(/must hold 32 bytes/, "--sealing-key", short);
  await refuses(/nowhere\.key is missing/, "--sealing-key", join(folder.path, "nowhere.key"));
  await starts("--sealing-key", aside);

  await starts("--sealing-key", next, "--previous-sealing-key", aside);
  await rm(aside);
  await starts("--sealing-key", next);
  await rename(next, ownKey);
  await starts();
});

test("a key that a kill left empty during the first start is made again by the next one", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  await mkdir(dataFolder, { mode: 0o700 });
  await mkdir(join(dataFolder, "blobs"));
  // As the database and the key were when the first start was killed between opening the key and writing it.
  const connection = openWriting(join(dataFolder, "moraine.db"), true);
  await createTables(connection, true);
  connection.database.close();
  await writeFile(join(dataFolder, "secrets.key"), "", { mode: 0o600 });
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault("photos");
  glacier.close();
  await server.stop();
  assert.equal((await stat(join(dataFolder, "secrets.key"))).size, 32);
});
