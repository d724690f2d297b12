import { spawnSync } from "node:child_process";
import { openSync, rmdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../../support/random.ts";
import { examine } from "../examine.ts";
import { scenarios } from "../scenarios.ts";
import type { FoundViolation } from "../violations.ts";
import { type PowerCut, powerCuts } from "./cuts.ts";
import { DiskImages } from "./disk-images.ts";
import { readEntries } from "./disk-log.ts";
import { makeImages, mountFolder, run } from "./file-systems.ts";
import { type DiskRecording, record } from "./recording.ts";
import type { RecordedDiskOptions, RecordedDiskResult } from "./run.ts";

// The rig itself, run by run.ts in namespaces of its own: `in-namespace.ts OPTIONS`. Ends with its standard input, and so with the
// process that started it; processes, mounts and loop devices end with the namespaces.

const options = JSON.parse(process.argv[2] ?? "") as RecordedDiskOptions;
const folder = await mkdtemp(join(tmpdir(), "moraine-recorded-disk-"));
process.stdin.on("end", () => end(1)).resume();
await run("mount", ["-t", "tmpfs", "-o", "mode=700", "recorded-disk", folder]);
try {
  const result = await runIn(folder);
  process.stdout.write(JSON.stringify(result), () => end(0));
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`, () => end(1));
}

/** Leaves no folder, whatever is still mounted below it. */
function end(code: number): never {
  spawnSync("umount", ["--lazy", folder]);
  rmdirSync(folder);
  process.exit(code);
}

/** @param folder in memory: states are small, and many */
async function runIn(folder: string): Promise<Omit<RecordedDiskResult, "seconds">> {
  const { fileSystem, layout = "one disk", scenario, seed, count, survivals, command } = options;
  const images = await makeImages(fileSystem, layout, folder);
  const durable = images.map((image) => `${image}.durable`);
  await Promise.all(images.map((image) => run("cp", ["--sparse=auto", image, `${image}.durable`])));
  await using recording = await record({ fileSystem, images, folder }, scenarios[scenario]("v"), command);
  const random = new Random(seed);
  const log = openSync(recording.log, "r");
  const entries = readEntries(log);
  const disks = new DiskImages(log, entries, durable, random);
  const violations: FoundViolation[] = [];
  const findings: string[] = [];
  let states = 0;
  for (const cut of powerCuts(recording, entries, { survivals, count, random })) {
    const left = await disks.make(cut, folder);
    const found = await examineDisks(left, recording, cut);
    await Promise.all(left.map((image) => rm(image)));
    states += 1;
    violations.push(...found.violations);
    findings.push(...found.findings.map((text) => `${cut.survival} at ${cut.at}: ${text}`));
    if (options.stopsAtViolation === true && violations.length + findings.length > 0) {
      break;
    }
  }
  return { rig: "recorded-disk", fileSystem, layout, scenario, seed, states, violations, findings };
}

async function examineDisks(images: readonly string[], { caller, historyAt }: DiskRecording, { at }: PowerCut) {
  // Mounting replays the journals.
  await using mounted = await mountFolder(options.fileSystem, images, join(folder, "state"));
  return await examine(caller, historyAt(at), mounted.path);
}
