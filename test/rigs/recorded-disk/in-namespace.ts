import { openSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { HistoryCaller } from "../../support/history/caller.ts";
import type { History } from "../../support/history/calls.ts";
import { Random } from "../../support/random.ts";
import { examine } from "../examine.ts";
import { scenarios } from "../scenarios.ts";
import type { FoundViolation } from "../violations.ts";
import { powerCuts } from "./cuts.ts";
import { DiskImages } from "./disk-images.ts";
import { readEntries } from "./disk-log.ts";
import { makeImages, mountFolder, run } from "./file-systems.ts";
import { record } from "./recording.ts";
import type { RecordedDiskOptions, RecordedDiskResult } from "./run.ts";

// The rig itself, run by run.ts in namespaces of its own: `in-namespace.ts FOLDER NAME OPTIONS`. Ends with its standard input, and so
// with the process that started it; processes, mounts and loop devices end with the namespaces.

const [folder = "", name = "", json = ""] = process.argv.slice(2);
const options = JSON.parse(json) as RecordedDiskOptions;
process.stdin.on("end", () => process.exit(1)).resume();
await run("mount", ["-t", "tmpfs", "-o", "mode=700", "recorded-disk", folder]);
const result = await runIn(join(folder, name));
process.stdout.write(JSON.stringify(result), () => process.exit());

/** @param folder in memory: states are small, and many */
async function runIn(folder: string): Promise<Omit<RecordedDiskResult, "seconds">> {
  const { fileSystem, layout = "one disk", scenario, seed, count, survivals } = options;
  await mkdir(folder);
  const images = await makeImages(fileSystem, layout, folder);
  const durable = images.map((image) => `${image}.durable`);
  await Promise.all(images.map((image) => run("cp", ["--sparse=auto", image, `${image}.durable`])));
  await using recording = await record({ fileSystem, images, folder }, scenarios[scenario]("v"));
  const random = new Random(seed);
  const log = openSync(recording.log, "r");
  const entries = readEntries(log);
  const disks = new DiskImages(log, entries, durable, random);
  const violations: FoundViolation[] = [];
  const findings: string[] = [];
  let states = 0;
  for (const cut of powerCuts(recording, entries, { survivals, count, random })) {
    const left = await disks.make(cut);
    const found = await examineDisks(left, join(folder, "state"), recording.caller, recording.historyAt(cut.at));
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

async function examineDisks(images: readonly string[], path: string, caller: HistoryCaller, history: History) {
  // Mounting replays the journals.
  await using mounted = await mountFolder(options.fileSystem, images, path);
  return await examine(caller, history, mounted.path);
}
