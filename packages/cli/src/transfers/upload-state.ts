import { createHash } from "node:crypto";
import { access, constants, mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";

/**
 * Returns the path of the journal by which the upload of a file is resumed: the same for the same service, vault and path. The journal
 * itself records the account.
 *
 * It is in `$XDG_STATE_HOME/moraine/uploads`, or `~/.local/state/moraine/uploads`, not next to the file: that folder may be read-only, or
 * be uploaded itself.
 */
export function uploadJournalPath(tools: CommandContext, vaultName: string, path: string): string {
  return `${stateFile(tools, "uploads", [vaultName, path])}.journal`;
}

/** Returns the file that records the job of an output until it has been printed. Undefined when its folder cannot be created. */
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

/**
 * Returns the path of a file in this program's state, `$XDG_STATE_HOME/moraine` or `~/.local/state/moraine`: the same for the same service,
 * credentials and subject.
 */
export function stateFile(
  tools: CommandContext,
  folder: string,
  subject: readonly string[],
  nameOf = (hash: string) => hash.slice(0, 32),
): string {
  const { endpoint, region, profile, account } = serviceOf(tools);
  const hash = createHash("sha256")
    .update(JSON.stringify([[endpoint, region, profile, account], ...subject]))
    .digest("hex");
  return join(stateFolder(tools), folder, nameOf(hash));
}

/** Returns the folder of this program's state: catalogues, journals, locks. */
export function stateFolder({ environment }: Pick<CommandContext, "environment">): string {
  const state = environment["XDG_STATE_HOME"] || join(environment["HOME"] || homeFolder(), ".local", "state");
  return join(state, "moraine");
}

/** Returns what the options and the environment say about the service and the credentials; null for what they do not say. */
export function serviceOf(tools: CommandContext) {
  const { environment } = tools;
  const { endpoint, region, profile, account } = tools.options();
  return {
    endpoint: endpoint ?? firstOf(environment, "MORAINE_ENDPOINT", "AWS_ENDPOINT_URL_GLACIER", "AWS_ENDPOINT_URL"),
    region: region ?? firstOf(environment, "AWS_REGION", "AWS_DEFAULT_REGION"),
    profile: profile ?? firstOf(environment, "AWS_PROFILE"),
    account: account ?? null,
  };
}

/** Creates the folder of a journal. Throws UsageError when that fails, since the upload could not be resumed. */
export async function prepareFolderOf(journal: string): Promise<void> {
  const folder = dirname(journal);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new UsageError(`cannot record upload progress in ${folder}: ${(cause as Error).message}; ${remedy}`, {
      cause,
    });
  }
}

const remedy = "set XDG_STATE_HOME to a writable folder, or name a file with --journal";

/** Returns the home folder. A user without an entry in the list of users, as in containers, has none. */
function homeFolder(): string {
  try {
    return homedir();
  } catch (cause) {
    throw new UsageError(`there is no home folder in which to record upload progress; ${remedy}`, { cause });
  }
}

/** Removes the journal of a complete upload. A journal that cannot be removed does not prevent later uploads. */
export async function forgetUpload(journal: string): Promise<void> {
  await rm(journal, { force: true }).catch(() => undefined);
}

function firstOf(environment: CommandContext["environment"], ...names: readonly string[]): string | null {
  return names.map((name) => environment[name]).find(Boolean) ?? null;
}
