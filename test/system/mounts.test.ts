import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { GlacierHttp } from "../support/glacier-http.ts";
import { runServer, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Data folders whose parts are mounts of their own, which takes root.

test("blobs that are bind-mounted from the same device are refused at the start, for no file can be linked there", async () => {
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  const elsewhere = join(folder.path, "elsewhere");
  await using first = await startServer({ dataFolder });
  const glacier = new GlacierHttp(first.url);
  await glacier.createVault("photos");
  glacier.close();
  await first.stop();
  await mkdir(elsewhere);
  const blobs = join(dataFolder, "blobs");
  execFileSync("mount", ["--bind", elsewhere, blobs]);
  try {
    const { code, stderr } = await runServer(["--data", dataFolder, "--listen", "127.0.0.1:0"]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^moraine: Cannot link a file from .*tmp into .*blobs, which must be on one file system: EXDEV/,
    );
    assert.deepEqual(await readdir(elsewhere), []);
    assert.deepEqual(await readdir(join(dataFolder, "tmp")), []);
  } finally {
    execFileSync("umount", [blobs]);
  }
  await using again = await startServer({ dataFolder });
  await again.stop();
});
