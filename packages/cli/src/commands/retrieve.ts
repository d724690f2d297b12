import type { GlacierJobDescription, JobTier } from "@moraine/protocol";
import { Command, Option } from "commander";
import { addDownloadOptions, type DownloadOptions, download } from "../download-options.ts";
import { bytesExactly } from "../sizes.ts";
import type { Tools } from "../tools.ts";
import { addWaitOption, treeHash, type WaitOptions, waitOf } from "../transfer-options.ts";

interface RetrieveOptions extends DownloadOptions, WaitOptions {
  readonly tier?: JobTier;
  readonly newJob?: true;
  readonly treeHash?: string;
}

/** Gets an archive: job, wait, download, verification. */
export function retrieveCommand(tools: Tools): Command {
  const command = new Command("retrieve")
    .description("Get an archive: take or start its job, wait for it, download, verify")
    .argument("<vault>")
    .argument("<archive>", "its id, @FILE that holds it, or - for standard input")
    .requiredOption("-o, --output <file>", "where to; - is standard output")
    .addOption(tierOption())
    .option("--new-job", "start a job even if there is one for the archive");
  addWaitOption(command).option("--tree-hash <hash>", "what the archive must have, where you know it", treeHash);
  return addDownloadOptions(command)
    .addHelpText("after", details)
    .action((vaultName: string, given: string, options: RetrieveOptions) => retrieve(tools, vaultName, given, options));
}

export function tierOption(): Option {
  return new Option("--tier <tier>", "of a job that is started (the service's default: Standard)").choices([
    "Standard",
    "Bulk",
    "Expedited",
  ]);
}

const details = `
A job takes hours on AWS (Standard 3 to 5, Bulk 5 to 12, Expedited minutes),
and its output stays for a day. Whatever breaks the command off, the same
command goes on: it takes the job that is there, and what was verified is not
fetched again. When the output expires in the middle, another job is started,
and what was verified is kept.

FILE gets its name when all of it is verified and on the disk. Until then
FILE.partial and its journal stand beside it. With -o -, bytes are written in
order, each range when it is verified.

Examples:
  moraine retrieve photos ARCHIVE_ID -o holiday.tar
  moraine retrieve photos ARCHIVE_ID -o holiday.tar --tier Bulk --wait 0   # start the job; exit 75 until it is done
  moraine retrieve photos @id.txt -o - | tar x
  moraine retrieve photos ARCHIVE_ID -o holiday.tar --dry-run`;

async function retrieve(tools: Tools, vaultName: string, given: string, options: RetrieveOptions): Promise<void> {
  const archive = { vaultName, archiveId: await tools.readId(given) };
  if (await isDryRun(tools, archive, options)) {
    return;
  }
  const client = await tools.client();
  const { retrieveArchive, streamArchive } = await import("@moraine/client/node");
  const { tier, newJob = false } = options;
  const wishes = {
    ...waitOf(options),
    reuse: !newJob,
    ...(tier !== undefined && { tier }),
    ...(options.treeHash !== undefined && { treeHash: options.treeHash }),
  };
  await download(tools, options, {
    name: options.output === "-" ? vaultName : options.output,
    toFile: (settings) => retrieveArchive(client, archive, { ...wishes, ...settings }),
    stream: (settings) => streamArchive(client, archive, { ...wishes, ...settings, lendsPieces: true }),
  });
}

async function isDryRun(
  tools: Tools,
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
  const size = sizeBytes === null ? "a size that only the inventory tells" : bytesExactly(sizeBytes);
  const how = job === null ? `start a ${options.tier ?? "Standard"} job` : `take ${jobText(job)}`;
  const what = `${how}, then download archive ${archive.archiveId}, ${size}, to ${options.output}`;
  return tools.isDryRun(what, { sizeBytes, tier: job?.Tier ?? options.tier ?? "Standard", jobId: job?.JobId ?? null });
}

function jobText({ JobId, StatusCode, Tier }: GlacierJobDescription): string {
  return `the ${Tier ?? "Standard"} job that is there (${StatusCode === "Succeeded" ? "done" : "under way"}: ${JobId})`;
}
