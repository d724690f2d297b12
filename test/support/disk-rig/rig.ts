import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { repositoryRoot } from "../server-process.ts";
import { parseTrace, type TraceEvent } from "./trace.ts";

const source = fileURLToPath(new URL("./shim.c", import.meta.url));
/** Absolute paths do not begin so. */
const noFolder = "none";
const cacheFolder = join(repositoryRoot, "node_modules/.cache/moraine");

/** `any`: each of the others. */
export type DiskCall =
  | "write"
  | "sync"
  | "truncate"
  | "allocate"
  | "create"
  | "link"
  | "unlink"
  | "rename"
  | "mkdir"
  | "any";

/**
 * `ignored`: the call does nothing and reports success. `killed before` and `killed after`: the process gets SIGKILL there. `short`:
 * a write takes half of its first piece, and says so; other calls are made.
 */
export type FaultOutcome =
  | "EIO"
  | "ENOSPC"
  | "EDQUOT"
  | "EPERM"
  | "ignored"
  | "killed before"
  | "killed after"
  | "short";

const codesOfShim: Readonly<Partial<Record<FaultOutcome, number>>> = {
  ignored: 0,
  "killed before": -2,
  "killed after": -3,
  short: -4,
};

export interface FaultRule {
  readonly call: DiskCall;
  /** A glob over absolute paths, in which `*` matches slashes too: `*.db-wal`. */
  readonly pattern: string;
  /** The number of the first matching call that fails, from 1. @default 1 */
  readonly first?: number;
  /** How many calls fail from there on. @default Infinity */
  readonly count?: number;
  readonly outcome: FaultOutcome;
}

/** Makes calls of a process on its files fail, and records what it wrote and synced. */
export class DiskRig {
  /** For the process that is to be watched. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #control: string;
  readonly #trace: string;
  #rules = 0;

  private constructor(environment: Readonly<Record<string, string>>, control: string, trace: string) {
    this.environment = environment;
    this.#control = control;
    this.#trace = trace;
  }

  /**
   * @param folder where the rig may keep its own files
   * @param root the folder whose files are recorded; null for none of them
   */
  static async create(folder: string, root: string | null): Promise<DiskRig> {
    const control = join(folder, "disk-rig.rules");
    const trace = join(folder, "disk-rig.trace");
    await writeFile(control, "");
    await writeFile(trace, "");
    const environment = {
      LD_PRELOAD: await buildShim(),
      DISK_RIG_CONTROL: control,
      DISK_RIG_TRACE: trace,
      DISK_RIG_ROOT: root ?? noFolder,
    };
    return new DiskRig(environment, control, trace);
  }

  /** Replaces all rules; calls are counted from now on. */
  async fail(...rules: readonly FaultRule[]): Promise<void> {
    const lines = rules.map(({ call, pattern, first = 1, count = Number.POSITIVE_INFINITY, outcome }) =>
      [call, pattern, first, Math.min(count, 1e9), codeOf(outcome)].join(" "),
    );
    // The number makes each set of rules a new one, so that the counting starts again.
    this.#rules += 1;
    await writeFile(this.#control, [...lines, `# ${this.#rules}`, ""].join("\n"));
  }

  async lift(): Promise<void> {
    await writeFile(this.#control, "");
  }

  /** Everything recorded so far, in order. */
  async events(): Promise<TraceEvent[]> {
    return parseTrace(await readFile(this.#trace));
  }

  /** How long the record is: what is recorded later ends beyond this. */
  traceBytes(): number {
    return statSync(this.#trace).size;
  }

  /** How many calls were made to fail, or ignored, so far. */
  async faultCount(): Promise<number> {
    return (await this.events()).filter(({ kind }) => kind === "fault").length;
  }
}

function codeOf(outcome: FaultOutcome): number {
  return codesOfShim[outcome] ?? constants.errno[outcome as "EIO"];
}

let built: Promise<string> | undefined;

function buildShim(): Promise<string> {
  built ??= compile();
  return built;
}

/** Named by its source, so that test files that run at once share it and a change makes another. */
async function compile(): Promise<string> {
  const digest = createHash("sha256")
    .update(await readFile(source))
    .digest("hex");
  const library = join(cacheFolder, `disk-rig-${digest.slice(0, 16)}.so`);
  if ((await stat(library).catch(() => null)) === null) {
    await mkdir(cacheFolder, { recursive: true });
    const partial = `${library}.${process.pid}`;
    const flags = ["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread"];
    await promisify(execFile)("gcc", [...flags, "-o", partial, source, "-ldl"]);
    await rename(partial, library);
  }
  return library;
}
