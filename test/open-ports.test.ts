import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

const listening = "0A";

/** Addresses and ports on which a process accepts connections, as the kernel writes them, and paths of its sockets. */
function listeners(pid: number): string[] {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = linkOf(`/proc/${pid}/fd/${fd}`);
      return /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [];
    }),
  );
  const rows = (name: string) => readFileSync(`/proc/${pid}/net/${name}`, "utf8").split("\n").slice(1);
  const overIp = ["tcp", "tcp6"].flatMap((name) =>
    rows(name).flatMap((row) => {
      const [, local = "", , state, , , , , , inode = ""] = row.trim().split(/\s+/);
      return state === listening && own.has(inode) ? [local] : [];
    }),
  );
  const named = rows("unix").flatMap((row) => {
    const [, , , , , , inode = "", path] = row.trim().split(/\s+/);
    return path !== undefined && own.has(inode) ? [path] : [];
  });
  return [...overIp, ...named];
}

/** A descriptor may be closed between the listing and the reading. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

const onLoopback = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;

test("a server listens on the one port it was given, and on one more for metrics when it is given one", async () => {
  await using folder = await temporaryFolder();
  await using plain = await startServer({ dataFolder: folder.path });
  assert.deepEqual(listeners(plain.pid), [onLoopback(Number(new URL(plain.url).port))]);
  await plain.stop();

  const flags = ["--metrics-listen", "127.0.0.1:0"];
  await using apart = await startServer({ dataFolder: folder.path, flags });
  const found = listeners(apart.pid);
  assert.equal(found.length, 2, String(found));
  assert.ok(found.every((address) => address.startsWith("0100007F:")));
  await apart.stop();
});
