import { spawn } from "node:child_process";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AccountId } from "@moraine/protocol";
import { openInlineStore } from "../../../packages/server/test/support/inline-store.ts";
import { accountId, cleanEnvironment, endingOf, packed, region, repositoryRoot } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { DiskModel, nothingUnsynced } from "./disk-model.ts";
import { DiskRig, type FaultRule } from "./rig.ts";

type Program = "metadata-child" | "large-change-child";

export interface MetadataRun {
  /** 0 after an orderly close, 3 after a halt. */
  readonly code: number | null;
  /** The changed vaults, by the lines that the process printed. */
  readonly kept: readonly string[];
  readonly full: readonly string[];
  readonly output: string;
  readonly faults: number;
  /** Kept changes that a restart, or one after a power cut, does not show, and refused ones that it shows. */
  readonly broken: readonly string[];
}

/** A database with the present schema and nothing in it, for many runs. */
export async function emptyDatabase(path: string): Promise<void> {
  await (await openInlineStore(path)).close();
}

/**
 * Changes a copy of the database, or a new one, in a process whose disk fails as the test says, and compares what the process printed
 * with what is there.
 */
export async function runOnFailingDisk(
  database: string | null,
  vaults: number,
  ...rules: FaultRule[]
): Promise<MetadataRun> {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "data");
  await mkdir(root);
  const path = join(root, "moraine.db");
  if (database !== null) {
    await copyFile(database, path);
  }
  const model = await DiskModel.of(root);
  const rig = await DiskRig.create(folder.path, root);
  await rig.fail(...rules);
  const { code, stdout, stderr } = await runChild([path, String(vaults)], rig);
  const events = await rig.events();
  for (const event of events) {
    model.apply(event);
  }
  const image = join(folder.path, "image");
  await model.materialize(image, nothingUnsynced);
  const said = (word: string) =>
    [...stdout.matchAll(new RegExp(`^${word} (\\S+)$`, "gm"))].map(([, name]) => name ?? "");
  const run = { code, kept: said("kept"), full: said("full"), output: stdout + stderr };
  const broken = [
    ...(await differences(path, run, "a restart")),
    ...(await differences(join(image, "moraine.db"), run, "a power cut")),
  ];
  // The rule of a probe matches a file without a name.
  const faults = events.filter(({ kind, path: at }) => kind === "fault" && !at.includes("#"));
  return { ...run, faults: faults.length, broken };
}

export function spawnChild(args: readonly string[], rig: DiskRig, program: Program = "metadata-child") {
  const file =
    packed === null
      ? fileURLToPath(new URL(`./${program}.ts`, import.meta.url))
      : join(packed, `server/dist/${program}.js`);
  return spawn(process.execPath, ["--conditions=@moraine/source", file, accountId, region, ...args], {
    cwd: repositoryRoot,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...cleanEnvironment(), ...rig.environment, NODE_COMPILE_CACHE: "node_modules/.cache/moraine" },
  });
}

const runChild = (args: readonly string[], rig: DiskRig) => endingOf(spawnChild(args, rig));

async function differences(
  path: string,
  { kept, full }: Pick<MetadataRun, "kept" | "full">,
  after: string,
): Promise<string[]> {
  const store = await openInlineStore(path);
  try {
    const isKept = async (vaultName: string) => {
      const vault = await store.findVault({ accountId: accountId as AccountId, region, vaultName });
      return vault?.tags["text"] !== undefined;
    };
    const lost = await Promise.all(kept.map(async (name) => ((await isKept(name)) ? [] : [`${after} loses ${name}`])));
    const back = await Promise.all(full.map(async (name) => ((await isKept(name)) ? [`${after} shows ${name}`] : [])));
    return [...lost, ...back].flat();
  } finally {
    await store.close();
  }
}
