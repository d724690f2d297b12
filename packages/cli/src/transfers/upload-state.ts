import { createHash } from "node:crypto";
import { access, constants, mkdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";

/** The upload that a journal records. */
export interface BegunUpload {
  readonly uploadId: string | null;
}

/**
 * The file that lets the upload of a file be resumed: the same for the same service, vault and path. Whose account it is, the journal
 * itself says.
 *
 * In `$XDG_STATE_HOME/moraine/uploads`, or `~/.local/state/moraine/uploads`, and not next to the file: what is uploaded may be in a
 * place that cannot be written to, or be uploaded with its folder.
 */
export function uploadJournalPath(tools: CommandContext, vaultName: string, path: string): string {
  return `${stateFile(tools, "uploads", [vaultName, path])}.journal`;
}

/** The file that remembers the job of an output that is printed, until all of it is. Undefined where there is no place for it. */
export async function jobFileFor(
  tools: CommandContext,
  vaultName: string,
  output: string,
): Promise<string | undefined> {
  try {
    const path = stateFile(tools, "jobs", [vaultName, output]);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return path;
  } catch {
    return undefined;
  }
}

function stateFile(tools: CommandContext, folder: string, subject: readonly string[]): string {
  const { environment } = tools;
  const { endpoint, region, profile, account } = tools.options();
  const service = [
    endpoint ?? firstOf(environment, "MORAINE_ENDPOINT", "AWS_ENDPOINT_URL_GLACIER", "AWS_ENDPOINT_URL"),
    region ?? firstOf(environment, "AWS_REGION", "AWS_DEFAULT_REGION"),
    profile ?? firstOf(environment, "AWS_PROFILE"),
    account ?? null,
  ];
  const name = createHash("sha256")
    .update(JSON.stringify([service, ...subject]))
    .digest("hex")
    .slice(0, 32);
  const state = environment["XDG_STATE_HOME"] || join(environment["HOME"] || homeFolder(), ".local", "state");
  return join(state, "moraine", folder, name);
}

/** Throws UsageError where it cannot be made: then nothing would resume the upload. */
export async function prepareFolderOf(journal: string): Promise<void> {
  const folder = dirname(journal);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new UsageError(
      `cannot keep the progress of the upload in ${folder}: ${(cause as Error).message}; ${remedy}`,
      { cause },
    );
  }
}

const remedy = "set XDG_STATE_HOME to a folder that can be written, or name a file with --journal";

/** A user who is in no list of users, as in containers, has no home. */
function homeFolder(): string {
  try {
    return homedir();
  } catch (cause) {
    throw new UsageError(`there is no home folder to keep the progress of the upload in; ${remedy}`, { cause });
  }
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

/** Removes the journal of a complete upload. One that cannot be removed keeps no later upload from starting. */
export async function forgetUpload(journal: string): Promise<void> {
  await rm(journal, { force: true }).catch(() => undefined);
}

function firstOf(environment: CommandContext["environment"], ...names: readonly string[]): string | null {
  return names.map((name) => environment[name]).find(Boolean) ?? null;
}
