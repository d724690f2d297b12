import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import type { Report } from "../../../packages/server/src/verify/report.ts";
import type { Level, Subset } from "../../../packages/server/src/verify/verification.ts";
import { verifyFolder } from "../../../packages/server/src/verify/verify-folder.ts";
import { sha256Of } from "../content.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** The findings of a check in this process, which has to reach its end. */
export async function findingsIn(
  path: string,
  level: Level,
  subset: Subset | null = null,
  mirrorFolder: string | null = null,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  await using copies = await temporaryFolder();
  const options = { level, subset, mirrorFolder, deadline: Infinity, makeTemporaryFolder: () => copies.path };
  const report: Report = {
    finding: (finding) => void findings.push(finding),
    summary: (totals, { isComplete }) => assert.deepEqual([totals.findings, isComplete], [findings.length, true]),
  };
  assert.equal(await verifyFolder(path, options, report), findings.length);
  return findings;
}

/** Every file and folder, with mode, time of the last change and bytes. */
export async function stateOf(path: string): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  for (const name of [".", ...(await readdir(path, { recursive: true }))]) {
    const found = await stat(join(path, name));
    const bytes = found.isFile() ? sha256Of(await readFile(join(path, name))) : "";
    state[name] = `${found.mode} ${found.mtimeMs} ${found.size} ${bytes}`;
  }
  return state;
}

export async function fileOf(path: string, owner: string, index = 0): Promise<string> {
  const names = await readdir(join(path, "blobs"), { recursive: true });
  const found = names.filter((name) => name.includes(owner)).sort()[index];
  assert.ok(found, owner);
  return join(path, "blobs", found);
}
