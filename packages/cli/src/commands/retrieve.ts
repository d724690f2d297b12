import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import { Command, Option } from "commander";
import { bytesExactly } from "../arguments/sizes.ts";
import type { CommandContext } from "../context/tools.ts";
import {
  addDownloadOptions,
  addOutputOptions,
  assertHasOutput,
  type DownloadOptions,
  downloadOrVerify,
  nameOf,
  newJobFlag,
} from "../transfers/download-options.ts";
import { addWaitOption, treeHash, type WaitOptions, waitOf } from "../transfers/transfer-options.ts";
import { jobFileFor } from "../transfers/upload-state.ts";

interface RetrieveOptions extends DownloadOptions, WaitOptions {
  readonly tier?: JobTier;
  readonly newJob?: true;
  readonly skipExisting?: true;
  readonly treeHash?: string;
}

/** Gets an archive: job, wait, download, verification. */
export function retrieveCommand(tools: CommandContext): Command {
  const command = addOutputOptions(new Command("retrieve"))
    .description("Get an archive: reuse or start its job, wait for it, download, verify")
    .argument("<vault>")
    .argument("<archive>", "its id, @FILE for a file that contains it, or - for standard input")
    .addOption(tierOption())
    .option(newJobFlag, "start a job even if one exists for the archive")
    .option("--skip-existing", "treat a file of the archive's size as complete, without reading it");
  addWaitOption(command).option("--tree-hash <hash>", "expected tree hash of the archive, if you know it", treeHash);
  return addDownloadOptions(command)
    .addHelpText("after", details)
    .action((vaultName: string, given: string, options: RetrieveOptions) => retrieve(tools, vaultName, given, options));
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

Examples:
  moraine retrieve photos ARCHIVE_ID -o holiday.tar
  moraine retrieve photos ARCHIVE_ID -o holiday.tar --tier Bulk --wait 0   # start the job; exits 75 until it is done
  moraine retrieve photos @id.txt -o - | tar x
  moraine retrieve photos ARCHIVE_ID --verify-only
  moraine retrieve photos ARCHIVE_ID -o holiday.tar --dry-run`;

async function retrieve(
  tools: CommandContext,
  vaultName: string,
  given: string,
  options: RetrieveOptions,
): Promise<void> {
  assertHasOutput(options);
  const archive = { vaultName, archiveId: await tools.readId(given) };
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
