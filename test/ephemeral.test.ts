import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { GlacierHttp } from "./support/glacier-http.ts";
import { runServer, type ServerProcess, startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// Tests of --ephemeral: a data folder for one run.

/** A server with a temporary data folder, made below `folder`. */
const start = (folder: string, flags: readonly string[] = []): Promise<ServerProcess> =>
  startServer({ dataFolder: null, flags: ["--ephemeral", ...flags], environment: { TMPDIR: folder } });

const folderOf = ({ lines }: ServerProcess): string => /, from (\S+) until it stops$/m.exec(lines)?.[1] ?? "";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`an ephemeral server serves from a folder of its own, which is gone after ${signal}`, async () => {
    await using folder = await temporaryFolder();
    await using server = await start(folder.path);
    const dataFolder = folderOf(server);
    assert.equal(dirname(dataFolder), folder.path);
    assert.ok(existsSync(join(dataFolder, "moraine.db")));
    assert.doesNotMatch(server.lines, /--offline/, "there is no folder to recover a key from");
    const glacier = new GlacierHttp(server.url);
    await glacier.createVault("v");
    await glacier.uploadArchive("v", Buffer.from("gone soon"), "");
    glacier.close();
    server.signal(signal);
    assert.equal((await server.ended).code, 0);
    assert.deepEqual(readdirSync(folder.path), []);
  });
}

test("two ephemeral servers have nothing in common", async () => {
  await using folder = await temporaryFolder();
  await using first = await start(folder.path);
  await using second = await start(folder.path);
  assert.notEqual(folderOf(first), folderOf(second));
  await first.stop();
  assert.deepEqual(readdirSync(folder.path), [folderOf(second).slice(folder.path.length + 1)]);
  await second.stop();
  assert.deepEqual(readdirSync(folder.path), []);
});

test("a failed start leaves no temporary folder", async () => {
  await using folder = await temporaryFolder();
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const ending = await runServer(["--ephemeral", "--listen", `127.0.0.1:${port}`], { TMPDIR: folder.path });
  other.close();
  assert.equal(ending.code, 1);
  assert.deepEqual(readdirSync(folder.path), []);
});

test("a data folder that is given as well is refused, however it is given", async () => {
  for (const [flags, environment] of [
    [["--data", "/nowhere"], {}],
    [[], { MORAINE_DATA: "/nowhere" }],
  ] as const) {
    const { code, stderr } = await runServer(["--ephemeral", "--listen", "127.0.0.1:0", ...flags], environment);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^moraine: --ephemeral keeps nothing, so it takes no --data \(MORAINE_DATA\): leave one of them out$/m,
    );
  }
});
