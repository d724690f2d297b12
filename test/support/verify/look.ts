import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import { openFolder } from "../../../packages/server/src/verify/open-folder.ts";
import { type Level, type Subset, Verification } from "../../../packages/server/src/verify/verification.ts";
import { verify } from "../../../packages/server/src/verify/verify.ts";
import { sha256Of } from "../content.ts";
import { temporaryFolder } from "../temporary-folder.ts";

export async function findingsIn(path: string, level: Level, subset: Subset | null = null): Promise<Finding[]> {
  const findings: Finding[] = [];
  await using copies = await temporaryFolder();
  const opened = await openFolder(path, { makeTemporaryFolder: () => copies.path });
  try {
    const options = { level, subset, deadline: Infinity, print: (found: Finding) => void findings.push(found) };
    assert.equal(await verify(new Verification(opened, options)), true);
    return findings;
  } finally {
    await opened[Symbol.asyncDispose]();
  }
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
