import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { asRoot } from "../support/command.ts";
import { peakMebibytes } from "../support/peak-memory.ts";
import { jobsOf, RescueRig, vault } from "../support/rescue-rig.ts";
import { endingOf } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// One archive that takes longer than the output of a job lasts. RESCUE_GIBIBYTES says how large it is. It is nearly empty, and all lies on a
// disk that compresses, which takes root to mount.

const run = promisify(execFile);
const gibibyte = 1024 ** 3;
const sizeBytes = Number(process.env["RESCUE_GIBIBYTES"] ?? 64) * gibibyte;
const expiries = 3;
const memoryMebibytesMax = 256;

test(`an archive of ${sizeBytes / gibibyte} GiB is rescued by ranges, with a job that expires ${expiries} times`, async (t) => {
  await using disk = await compressingDisk();
  const file = join(disk.path, "original");
  await writeSparse(file);
  const flags = ["--profile", "aws", "--clock", "manual"];
  await using rig = await RescueRig.start({ archives: 0, seed: 1, flags, parent: disk.path });
  const began = performance.now();
  await upload(rig, file);
  const uploaded = performance.now();
  const catalog = join(rig.folder, "catalog.sqlite");
  await rig.readyInventory(["--catalog", catalog]);
  const { receivedBytes, mebibytes } = await rescueThroughExpiries(rig, catalog);
  const seconds = (from: number, to = performance.now()) => ((to - from) / 1000).toFixed(0);
  t.diagnostic(
    `uploaded in ${seconds(began, uploaded)} s, rescued in ${seconds(uploaded)} s, ${receivedBytes} bytes received, ${jobsOf(catalog).all} jobs, at most ${mebibytes} MiB`,
  );
  assert.equal(jobsOf(catalog).all, 1 + expiries);
  const ofOpenResponses = expiries * 64 * 1024 ** 2;
  assert.ok(receivedBytes <= sizeBytes + ofOpenResponses, "what was received before a job expired is kept");
  assert.ok(mebibytes <= memoryMebibytesMax, `${mebibytes} MiB`);
  await run("cmp", [file, join(rig.target, "large")]);
});

/** Runs the rescue, and lets the output expire whenever another fourth has arrived. */
async function rescueThroughExpiries(rig: RescueRig, catalog: string) {
  const args = ["rescue", vault, rig.target, "--yes", "--json", "--catalog", catalog, "--tier", "Standard"];
  const child = rig.shell.start(args, { environment: asRoot });
  child.stdin?.end();
  const ended = endingOf(child);
  using _clock = driveClock(rig, catalog);
  let [expired, receivedBytes, mebibytes] = [0, 0, 0];
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string; reason?: string; receivedBytes?: number };
    assert.notEqual(event.reason, "target", line);
    receivedBytes = event.receivedBytes ?? receivedBytes;
    mebibytes = Math.max(mebibytes, await peakMebibytes(child.pid ?? 0));
    if (expired < expiries && receivedBytes > ((expired + 1) * sizeBytes) / (expiries + 1)) {
      expired += 1;
      await rig.advance(30);
    }
  }
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
  return { receivedBytes, mebibytes };
}

/** Moves the clock once for each job: the service reads all bytes for it, and then its output has a day. */
function driveClock(rig: RescueRig, catalog: string): Disposable {
  let moved = 0;
  const timer = setInterval(() => {
    const { all, requested } = jobsOf(catalog);
    if (requested > 0 && all > moved) {
      moved = all;
      void rig.advance(6);
    }
  }, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function upload(rig: RescueRig, file: string): Promise<void> {
  const child = rig.shell.start(["upload", vault, file, "--description", "large"], { environment: asRoot });
  child.stdin?.end();
  const { code, stderr } = await endingOf(child);
  assert.equal(code, 0, stderr);
}

/** A file of zeros, with a line at its beginning, at its end, and at odd places between. */
async function writeSparse(path: string): Promise<void> {
  await using file = await open(path, "w");
  await file.truncate(sizeBytes);
  const places = 16;
  for (let place = 0; place < places; place += 1) {
    const text = `place ${place}\n`;
    const position = Math.floor((place * (sizeBytes - text.length)) / (places - 1));
    await file.write(text, position);
  }
}

async function compressingDisk(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await temporaryFolder();
  const image = join(folder.path, "image");
  const path = join(folder.path, "disk");
  await mkdir(path);
  await writeFile(image, "");
  // As much room as its files seem to need, of which little is used.
  await truncate(image, 3 * sizeBytes);
  await run("mkfs.btrfs", ["-q", image]);
  await run("mount", ["-o", "loop,compress-force=zstd:1", image, path]);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await sleep(500); // The server has just ended.
      await run("umount", [path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}
