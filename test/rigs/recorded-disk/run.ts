import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { endingOf, repositoryRoot } from "../../support/server-process.ts";
import type { ScenarioName } from "../scenarios.ts";
import type { FoundViolation } from "../violations.ts";
import type { Survival } from "./cuts.ts";
import type { FileSystemName, Layout } from "./file-systems.ts";
import { ownMounts, whyUnusable } from "./usable.ts";

export interface RecordedDiskOptions {
  readonly fileSystem: FileSystemName;
  /** @default one disk */
  readonly layout?: Layout;
  readonly scenario: ScenarioName;
  /** Decides which states are examined, and which unflushed writes survive. */
  readonly seed: number;
  /** How many states are examined at most. */
  readonly count: number;
  /** @default each */
  readonly survivals?: readonly Survival[];
  readonly stopsAtViolation?: boolean;
}

export interface RecordedDiskResult {
  readonly rig: "recorded-disk";
  readonly fileSystem: FileSystemName;
  readonly layout: Layout;
  readonly scenario: ScenarioName;
  readonly seed: number;
  /** How many states were examined. */
  readonly states: number;
  /** The reason why this machine cannot run the rig. */
  readonly leftOut?: string;
  readonly violations: readonly FoundViolation[];
  /** Findings of `moraine verify`, and starts that failed. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

const program = fileURLToPath(new URL("./in-namespace.ts", import.meta.url));
/** The first process of the namespaces is killed with `unshare`, and all others with the first. */
const namespaces = [...ownMounts, "--pid", "--fork", "--kill-child", "--mount-proc"];

/**
 * Runs the server on disks that record each write and each flush. Makes the disks that a power cut could have left at each flush and each
 * response, mounts them, starts the service there, and judges what clients see of it and what `moraine verify` says of it.
 */
export async function runRecordedDisk(options: RecordedDiskOptions): Promise<RecordedDiskResult> {
  const began = performance.now();
  const { fileSystem, layout = "one disk", scenario, seed } = options;
  const leftOut = await whyUnusable(fileSystem);
  if (leftOut !== null) {
    const none = { states: 0, violations: [], findings: [], seconds: 0 };
    return { rig: "recorded-disk", fileSystem, layout, scenario, seed, leftOut, ...none };
  }
  // Tells processes and loop devices of this run from others.
  const name = `recorded-disk-${process.pid}`;
  const child = spawn(
    "unshare",
    [...namespaces, process.execPath, ...process.execArgv, program, hiddenFolder(), name, JSON.stringify(options)],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const { code, signal, stdout, stderr } = await endingOf(child);
  if (code !== 0) {
    throw new Error(`The rig ended with ${code ?? signal}: ${stderr}`);
  }
  return { ...JSON.parse(stdout), seconds: (performance.now() - began) / 1000 };
}

/**
 * Returns a folder of the system over which the namespace's files are mounted, since it hides none that the rig needs. A new folder would have to be removed,
 * and kernels lose the mounts below one that somebody else removes.
 */
function hiddenFolder(): string {
  const needed = [repositoryRoot, tmpdir(), process.execPath];
  const folder = ["/mnt", "/media", "/srv"].find(
    (path) => existsSync(path) && needed.every((each) => !each.startsWith(`${path}/`)),
  );
  if (folder === undefined) {
    throw new Error("The rig needs one of /mnt, /media and /srv, and nothing that it uses may lie below it");
  }
  return folder;
}
