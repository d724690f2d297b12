import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { selfSigned } from "../packages/server/test/support/certificate.ts";
import { runServer, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of files with secrets that other users of the machine may read.

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
