import { stat } from "node:fs/promises";
import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import { Command, Option } from "commander";
import { ManyIds } from "../../arguments/many-ids.ts";
import { bytesExactly } from "../../arguments/sizes.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import type { ManyRetrieved } from "../../sending/fetching/retrieve-many.ts";
import { listing } from "../../terminal/table.ts";
import {
  addDownloadOptions,
  addOutputOptions,
  assertHasOutput,
  type DownloadOptions,
  downloadOrVerify,
  nameOf,
  newJobFlag,
} from "../../transfers/download-options.ts";
import { addWaitOption, paceOf, treeHash, type WaitOptions, waitOf } from "../../transfers/transfer-options.ts";
import { jobFileFor } from "../../transfers/upload-state.ts";

interface RetrieveOptions extends DownloadOptions, WaitOptions {
  readonly tier?: JobTier;
  readonly newJob?: true;
  readonly skipExisting?: true;
  readonly treeHash?: string;
}

/** Gets an archive: job, wait, download, verification. */
export function retrieveCommand(tools: CommandContext): Command {
  const command = addOutputOptions(new Command("retrieve"))
    .description("Get archives: reuse or start their jobs, wait for them, download, verify")
    .argument("<vault>")
    .argument("<archive...>", "ids, @FILE for a file with one a line, or - for standard input")
    .addOption(tierOption())
    .option(newJobFlag, "start a job even if one exists for the archive")
    .option("--skip-existing", "treat a file of the archive's size as complete, without reading it");
  addWaitOption(command).option("--tree-hash <hash>", "expected tree hash of the archive, if you know it", treeHash);
  return addDownloadOptions(command)
    .addHelpText("after", details)
    .action((vaultName: string, given: readonly string[], options: RetrieveOptions) =>
      retrieve(tools, vaultName, given, options),
    );
}

export function tierOption(): Option {
  return new Option("--tier <tier>", "tier of a job that is started (default: the service's, Standard)").choices([
    "Standard",
    "Bulk",
    "Expedited",
  ]);
}

const details = `
A job takes hours on AWS (Standard 3 to 5, Bulk 5 to 12, Expedited minutes),
and its output expires after a day. After any interruption, the same command
resumes: it uses the same job, also with --new-job, and verified bytes are not
fetched again. When the output expires during the download, another job is
started, and verified bytes are kept.

FILE appears when all of it is verified and on the disk. Until then
FILE.partial, its journal and a record of its job exist next to it. If FILE
already has the archive's size and tree hash, nothing is downloaded, and the
exit code is 0. Without --tree-hash, a job for the archive must exist to
provide the tree hash. With -o -, bytes are written in order, each range
when it is verified.

Several archives are written to a folder, -o FOLDER/, under their ids. Their
jobs are started first, after one look at the list of jobs; of more than 10,000
archives, those of the first 10,000, and so on. One that cannot be retrieved
does not stop the others; the exit code is 1 then, and 75 while jobs are in
progress. To get files under their names: moraine fetch.

Examples:
  moraine retrieve photos ARCHIVE_ID -o holiday.tar
  moraine retrieve photos ARCHIVE_ID -o holiday.tar --tier Bulk --wait 0   # start the job; exits 75 until it is done
  moraine retrieve photos @id.txt -o - | tar x
  moraine retrieve photos @ids.txt -o restored/
  moraine retrieve photos ARCHIVE_ID --verify-only
  moraine retrieve photos ARCHIVE_ID -o holiday.tar --dry-run`;

async function retrieve(
  tools: CommandContext,
  vaultName: string,
  given: readonly string[],
  options: RetrieveOptions,
): Promise<void> {
  assertHasOutput(options);
  const ids = await ManyIds.of(tools, given);
  const archiveId = await ids.single();
  if (archiveId === null) {
    await retrieveAll(tools, vaultName, { ids, given }, options);
    return;
  }
  const archive = { vaultName, archiveId };
  if (await reportIfDryRun(tools, archive, options)) {
    return;
  }
  const client = await tools.client();
  const { retrieveArchive, streamArchive, verifyArchive } = await import("@moraine/client/node");
  const { tier, newJob = false, skipExisting = false } = options;
  const wishes = {
    ...waitOf(options),
    reuse: !newJob,
    ...(tier !== undefined && { tier }),
    ...(options.treeHash !== undefined && { treeHash: options.treeHash }),
  };
  await downloadOrVerify(tools, options, {
    name: nameOf(options, vaultName),
    toFile: (settings) => retrieveArchive(client, archive, { ...wishes, ...settings, skipExisting }),
    async stream(settings) {
      const jobFile = await jobFileFor(tools, vaultName, archive.archiveId);
      return streamArchive(client, archive, { ...wishes, ...settings, jobFile, reuseBuffers: true });
    },
    async verify(settings) {
      const jobFile = await jobFileFor(tools, vaultName, archive.archiveId);
      return verifyArchive(client, archive, { ...wishes, ...settings, jobFile });
    },
  });
}

async function retrieveAll(
  tools: CommandContext,
  vaultName: string,
  { ids, given }: { readonly ids: ManyIds; readonly given: readonly string[] },
  options: RetrieveOptions,
): Promise<void> {
  const archives = await ids.count();
  const counted = archives === null ? `the archives that ${ids.stream} lists` : `${archives} archives`;
  const { output = "" } = options;
  const folder = await folderFor(tools, { given, counted }, options);
  if (tools.reportIfDryRun(`get ${counted}, of vault ${vaultName}, to ${output}`, { archives })) {
    return;
  }
  const { tier, rangeSize: rangeSizeBytes } = options;
  const settings = {
    ...waitOf(options),
    ...(await paceOf(options)),
    ...(tier !== undefined && { tier }),
    ...(rangeSizeBytes !== undefined && { rangeSizeBytes }),
    overwrite: options.force ?? false,
    acceptUnverified: options.acceptUnverified ?? false,
    skipExisting: options.skipExisting ?? false,
  };
  const { retrieveMany } = await import("../../sending/fetching/retrieve-many.ts");
  const result = await tools.transfer<ManyRetrieved>(
    {
      name: vaultName,
      resumeHint: () => "Run the same command again to resume: it uses the same jobs, and keeps verified bytes.",
      readable: manyText,
    },
    (watched) => retrieveMany(tools, { vaultName, ids, archives, folder }, settings, watched),
  );
  await assertAllRetrieved(result);
}

/** Returns the folder for several archives. Throws UsageError for options that are for one archive alone. */
async function folderFor(
  tools: CommandContext,
  { given, counted }: { readonly given: readonly string[]; readonly counted: string },
  options: RetrieveOptions,
): Promise<string> {
  const { output, verifyOnly, newJob, treeHash: hash } = options;
  const ofOne = [verifyOnly && "--verify-only", newJob && newJobFlag, hash !== undefined && "--tree-hash"].find(
    Boolean,
  );
  if (ofOne !== undefined) {
    throw new UsageError(`${ofOne} is for one archive, not for ${counted}`);
  }
  const wrong = given.find((id) => !(id.startsWith("@") || /^[\w-]{1,255}$/.test(id)));
  if (wrong !== undefined) {
    throw new UsageError(`Invalid id "${wrong.slice(0, 60)}": expected letters, digits, - and _`);
  }
  const path = tools.pathOf(output ?? "");
  const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
  if (output === undefined || !(isFolder || output.endsWith("/"))) {
    throw new UsageError(`A folder is needed for ${counted}: name one with -o FOLDER/`);
  }
  return path;
}

async function assertAllRetrieved({ waiting, failed }: ManyRetrieved): Promise<void> {
  const { assertAllDone } = await import("../../sending/file-counts-text.ts");
  assertAllDone({ failed, unknown: 0 }, "Run the same command again to try them again", "archives");
  if (waiting > 0) {
    const { JobsPendingError } = await import("../../rescue/rescue-errors.ts");
    throw new JobsPendingError(`${waiting} jobs are in progress: run the same command again later`);
  }
}

function manyText({ retrieved, alreadyComplete, waiting, failed }: ManyRetrieved): string {
  return listing({
    retrieved,
    ...(alreadyComplete > 0 && { "already complete": alreadyComplete }),
    ...(waiting > 0 && { waiting }),
    ...(failed > 0 && { failed }),
  });
}

async function reportIfDryRun(
  tools: CommandContext,
  archive: { readonly vaultName: string; readonly archiveId: string },
  options: RetrieveOptions,
): Promise<boolean> {
  if (!tools.options().dryRun) {
    return false;
  }
  const client = await tools.client();
  const { findRetrieval } = await import("@moraine/client/node");
  const plan = await findRetrieval(client, archive, { signal: tools.signal });
  const { sizeBytes } = plan;
  const job = options.newJob ? null : plan.job;
  const size = sizeBytes === null ? "of unknown size (see the inventory)" : bytesExactly(sizeBytes);
  const how = job === null ? `start a ${options.tier ?? "Standard"} job` : `reuse ${jobText(job)}`;
  const where = options.output === undefined ? "and verify it" : `to ${options.output}`;
  const what = `${how}, then download archive ${archive.archiveId}, ${size}, ${where}`;
  return tools.reportIfDryRun(what, {
    sizeBytes,
    tier: job?.Tier ?? options.tier ?? "Standard",
    jobId: job?.JobId ?? null,
  });
}

function jobText({ JobId, StatusCode, Tier }: GlacierJobDescription): string {
  return `the existing ${Tier ?? "Standard"} job (${StatusCode === "Succeeded" ? "done" : "in progress"}: ${JobId})`;
}
