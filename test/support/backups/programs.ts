import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { type BackupFinding, checkBackups } from "../../../packages/server/src/backup/check-backups.ts";
import type { Missing } from "../../../packages/server/src/backup/copy-segments.ts";
import { openPlaceForBackup, openPlaceForReading } from "../../../packages/server/src/backup/open-place.ts";
import type { CheckLevel } from "../../../packages/server/src/backup/segment-check.ts";
import { type BackupOptions, type BackupResult, takeBackup } from "../../../packages/server/src/backup/take-backup.ts";
import { type RestoreOptions, type RestoreResult, restore } from "../../../packages/server/src/restore/restore.ts";
import { cleanEnvironment, type Ending, endingOf, repositoryRoot, serverProgram, within } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";

// Backups and restores in this process, and as processes of their own that can be killed.

type Options<All, Needed extends keyof All> = Pick<All, Needed> & Partial<All>;

/** Segments that were missing are returned with the result. */
export async function backUp(
  given: Options<BackupOptions, "dataFolder"> & { readonly target: string },
): Promise<BackupResult & { readonly missing: readonly Missing[] }> {
  const missing: Missing[] = [];
  await using copies = await temporaryFolder();
  const result = await takeBackup({
    keep: null,
    keyTo: null,
    maxRate: null,
    acceptLoss: false,
    version: "0.0.0",
    now: () => new Date(),
    makeTemporaryFolder: () => copies.path,
    openPlace: (dataFolder) => openPlaceForBackup(given.target, dataFolder, placesIn(copies.path)),
    onMissing: (segment) => void missing.push(segment),
    ...given,
  });
  assert.equal(result.manifest.missingSegments, missing.length);
  return { ...result, missing };
}

export async function restored(
  given: Options<RestoreOptions, "dataFolder"> & { readonly source: string },
): Promise<RestoreResult> {
  await using copies = await temporaryFolder();
  return await restore({
    openPlace: () => openPlaceForReading(given.source, placesIn(copies.path)),
    backup: null,
    keyFile: null,
    anchorFile: null,
    publicKey: null,
    acceptLoss: false,
    now: () => new Date(),
    onMissing: ({ file, reason }) => assert.fail(`${file}: ${reason}`),
    ...given,
  });
}

export async function backupFindings(target: string, level: CheckLevel): Promise<BackupFinding[]> {
  const findings: BackupFinding[] = [];
  await using copies = await temporaryFolder();
  await using place = await openPlaceForReading(target, placesIn(copies.path));
  const totals = await checkBackups(place, { level, onFinding: (finding) => void findings.push(finding) });
  assert.equal(totals.findings, findings.length);
  return findings;
}

const placesIn = (folder: string) => ({ makeTemporaryFolder: () => folder, now: () => new Date() });

/** Runs the program without the command before it, which would need as long again. */
export function runProgram(
  name: "backup" | "restore",
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Ending> {
  const child = spawn(process.execPath, ["--conditions=@moraine/source", serverProgram(name), ...args], {
    env: {
      ...cleanEnvironment(),
      NODE_COMPILE_CACHE: join(repositoryRoot, "node_modules/.cache/moraine"),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return within(30_000, endingOf(child), `${name} ${args.join(" ")}`);
}
