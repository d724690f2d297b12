import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { selfSigned } from "../packages/server/test/support/certificate.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of files that other users of the machine may read, and must not.

test("a file with a secret that others may read is refused in one line", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const { certFile, keyFile } = await selfSigned(folder.path);
  const sealing = join(folder.path, "sealing.key");
  const webhooks = join(folder.path, "webhooks.json");
  await writeFile(sealing, randomBytes(32));
  await writeFile(webhooks, "{}");
  for (const [file, ...flags] of [
    [sealing, "--sealing-key", sealing],
    [sealing, "--previous-sealing-key", sealing],
    [webhooks, "--webhooks", webhooks],
    [keyFile, "--tls-cert", certFile, "--tls-key", keyFile],
  ] as const) {
    await chmod(file, 0o644);
    const { code, stdout, stderr } = await runServer(["--data", dataFolder, "--listen", "127.0.0.1:0", ...flags]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(
      stderr,
      /^moraine: \S+ holds a secret, and other users may read or change it \(mode 0644\): chmod 600 .*\n$/,
    );
    assert.ok(stderr.includes(`chmod 600 ${file}`), stderr);
  }
});

test("a file of settings that any user may change is refused in one line", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "moraine.json");
  await writeFile(file, '{ "region": "nowhere!" }');
  for (const [mode, message] of [
    [0o664, /^moraine: \S+\/moraine\.json: region: must be a region's name/],
    [0o666, /moraine\.json sets the service, and any user may change it \(mode 0666\): chmod go-w /],
  ] as const) {
    await chmod(file, mode);
    const { code, stderr } = await runServer(["--config", file]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});

test("the sealing key of a data folder that others may read is refused, and the folder's own modes are reported", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  await using first = await startServer({ dataFolder });
  await first.stop();
  await chmod(dataFolder, 0o755);
  await using second = await startServer({ dataFolder });
  assert.match((await second.stop()).stderr, /Other users may open the data folder \(mode 0755\): chmod 700 it/);
  await chmod(join(dataFolder, "secrets.key"), 0o640 | 0o004);
  const { code, stderr } = await runServer(["--data", dataFolder, "--listen", "127.0.0.1:0"]);
  assert.equal(code, 1);
  assert.match(stderr, /secrets\.key holds a secret/);
});

test("nothing in a data folder is open to others, whatever the umask", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const umask = process.umask(0);
  await using server = await startServer({ dataFolder }).finally(() => process.umask(umask));
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault("photos");
  const archiveId = await glacier.uploadArchive("photos", contentOf(1, 100_000), "one");
  const jobId = await glacier.initiateJob("photos", { Type: "archive-retrieval", ArchiveId: archiveId });
  await glacier.jobSucceeded("photos", jobId);
  assert.deepEqual(await openIn(dataFolder), [], "while it runs");
  glacier.close();
  await server.stop();
  assert.deepEqual(await openIn(dataFolder), [], "afterwards");
});

/** Files and folders that others than their owner may use. */
async function openIn(folder: string): Promise<string[]> {
  const names = ["", ...(await readdir(folder, { recursive: true }))];
  const modes = await Promise.all(
    names.map(async (name) => {
      const stats = await stat(join(folder, name)).catch(() => null); // A file of SQLite's may be gone by now.
      return stats !== null && (stats.mode & 0o077) !== 0 ? `${name} ${(stats.mode & 0o7777).toString(8)}` : [];
    }),
  );
  return modes.flat();
}
