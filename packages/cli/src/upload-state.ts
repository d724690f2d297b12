import { createHash } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Tools } from "./tools.ts";

/** What is known of the upload that a journal tells of. */
export interface BegunUpload {
  readonly uploadId: string | null;
}

/**
 * The file that lets the upload of a file go on: the same for the same service, vault and path.
 *
 * In `$XDG_STATE_HOME/moraine/uploads`, or `~/.local/state/moraine/uploads`, and not beside the file: what is uploaded may be in a
 * place that cannot be written to, or be uploaded with its folder.
 */
export function uploadJournalPath(tools: Tools, vaultName: string, path: string): string {
  const { environment } = tools;
  const { endpoint, region, profile, account } = tools.options();
  const service = [
    endpoint ?? firstOf(environment, "MORAINE_ENDPOINT", "AWS_ENDPOINT_URL_GLACIER", "AWS_ENDPOINT_URL"),
    region ?? firstOf(environment, "AWS_REGION", "AWS_DEFAULT_REGION"),
    profile ?? firstOf(environment, "AWS_PROFILE"),
    account ?? null,
  ];
  const name = createHash("sha256")
    .update(JSON.stringify([service, vaultName, path]))
    .digest("hex")
    .slice(0, 32);
  const state = environment["XDG_STATE_HOME"] || join(environment["HOME"] || homedir(), ".local", "state");
  return join(state, "moraine", "uploads", `${name}.journal`);
}

export async function prepareFolderOf(journal: string): Promise<void> {
  await mkdir(dirname(journal), { recursive: true, mode: 0o700 });
}

/** Null when there is no journal. */
export async function begunUpload(journal: string): Promise<BegunUpload | null> {
  const text = await readFile(journal, "utf8").catch(() => null);
  if (text === null) {
    return null;
  }
  const [, uploadId = null] = [...text.matchAll(/"uploadId":"([\w-]+)"/g)].at(-1) ?? [];
  return { uploadId };
}

export async function forgetUpload(journal: string): Promise<void> {
  await rm(journal, { force: true });
}

function firstOf(environment: Tools["environment"], ...names: readonly string[]): string | null {
  return names.map((name) => environment[name]).find(Boolean) ?? null;
}
