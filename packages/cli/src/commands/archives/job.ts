import type { OutputFacts } from "@moraine/client/node";
import type { GlacierJobDescription } from "@moraine/protocol";
import { Command, Option } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import { bytesExactly } from "../../arguments/sizes.ts";
import type { CommandContext } from "../../context/tools.ts";
import { listed } from "../../terminal/listed.ts";
import { listing, table } from "../../terminal/table.ts";
import {
  addDownloadOptions,
  addOutputOptions,
  assertHasOutput,
  type DownloadOptions,
  downloadOrVerify,
  nameOf,
} from "../../transfers/download-options.ts";
import { addWaitOption, byteRange, treeHash, type WaitOptions, waitOf } from "../../transfers/transfer-options.ts";
import { addJobStart } from "./job-start.ts";

/** Runs retrieval jobs step by step; `retrieve` and `inventory` run all steps at once. */
export function jobCommand(tools: CommandContext): Command {
  const job = new Command("job").description("Jobs, one step at a time: start, list, describe, wait, output");
  addJobStart(job, tools);
  addList(job, tools);
  addDescribe(job, tools);
  addWait(job, tools);
  addOutput(job, tools);
  return job;
}

const idArgument = ["<job>", "its id, @FILE for a file that contains it, or - for standard input"] as const;

function addList(job: Command, { client, printResult, signal }: CommandContext): void {
  job
    .command("list")
    .description("List a vault's jobs: those in progress, and those whose output still exists")
    .argument("<vault>")
    .addOption(
      new Option("--status <status>", "only jobs with this status").choices(["InProgress", "Succeeded", "Failed"]),
    )
    .addHelpText(
      "after",
      "\nWith --quiet, only ids.\n\nExamples:\n  moraine job list photos\n  moraine job list photos --status Succeeded --quiet",
    )
    .action(async (vaultName: string, { status }: { status?: GlacierJobDescription["StatusCode"] }) => {
      const { everyItem } = await import("@moraine/client/node");
      const input = { vaultName, ...(status !== undefined && { statuscode: status }) };
      const jobs = await listed(everyItem(await client(), "listJobs", input, { signal }));
      const rows = jobs.map((one) => ({ ...one, Bytes: one.ArchiveSizeInBytes ?? one.InventorySizeInBytes }));
      const columns = {
        CREATED: "CreationDate",
        STATUS: "StatusCode",
        ACTION: "Action",
        TIER: "Tier",
        BYTES: "Bytes",
        JOB: "JobId",
        DESCRIPTION: "JobDescription",
      } as const;
      printResult(
        jobs,
        () => table(columns, rows),
        () => jobs.map(({ JobId }) => checkedId(JobId)).join("\n"),
      );
    });
}

function addDescribe(job: Command, { client, readId, printResult, signal }: CommandContext): void {
  job
    .command("describe")
    .description("Show a job")
    .argument("<vault>")
    .argument(...idArgument)
    .addHelpText("after", "\nExample:\n  moraine job describe photos JOB_ID")
    .action(async (vaultName: string, given: string) => {
      const one = await (await client()).describeJob({ vaultName, jobId: await readId(given) }, { signal });
      printResult(one, () => jobText(one));
    });
}

function jobText(job: GlacierJobDescription): string {
  const size = job.ArchiveSizeInBytes ?? job.InventorySizeInBytes ?? null;
  const status = [...new Set([job.StatusCode, job.StatusMessage ?? job.StatusCode])].join(": ");
  return listing({
    job: job.JobId,
    action: job.Action,
    status,
    created: job.CreationDate,
    completed: job.CompletionDate,
    ...applicable({ tier: job.Tier, archive: job.ArchiveId }),
    size: size === null ? null : bytesExactly(size),
    ...applicable({
      range: job.RetrievalByteRange,
      "tree hash": job.SHA256TreeHash,
      format: job.InventoryRetrievalParameters?.Format,
      description: job.JobDescription,
      topic: job.SNSTopic,
    }),
  });
}

/** Leaves out fields that are null or missing, as some are in AWS's own examples. */
function applicable(values: Readonly<Record<string, string | null | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

function addWait(job: Command, tools: CommandContext): void {
  const command = job
    .command("wait")
    .description("Wait until a job has succeeded")
    .argument("<vault>")
    .argument(...idArgument);
  addWaitOption(command)
    .addHelpText(
      "after",
      `
Exits with 0 when the job has succeeded, with 1 when it has failed, and with 75
when it has not ended within the time of --wait.

Examples:
  moraine job wait photos JOB_ID
  moraine job wait photos JOB_ID --wait 0 || echo "not yet"`,
    )
    .action(async (vaultName: string, given: string, options: WaitOptions) => {
      const jobId = await tools.readId(given);
      const client = await tools.client();
      const { waitForJob } = await import("@moraine/client/node");
      await tools.transfer<OutputFacts>(
        {
          name: vaultName,
          resumeHint: () => "The job continues by itself; run the same command again to wait for it.",
          readable: ({ sizeBytes }) => `Job ${jobId} has succeeded; its output has ${bytesExactly(sizeBytes)}.`,
        },
        (watched) => waitForJob(client, { vaultName, jobId }, { ...waitOf(options), ...watched }),
      );
    });
}

interface OutputOptions extends DownloadOptions {
  readonly range?: ReturnType<typeof byteRange>;
  readonly treeHash?: string;
}

function addOutput(job: Command, tools: CommandContext): void {
  const command = addOutputOptions(job.command("output"))
    .description("Download the output of a job that has succeeded, and verify it")
    .argument("<vault>")
    .argument(...idArgument)
    .option("--range <first-last>", "bytes of the output, e.g. 0-1048575 (default: all)", byteRange)
    .option("--tree-hash <hash>", "expected tree hash of the entire output, if you know it", treeHash);
  addDownloadOptions(command)
    .addHelpText("after", outputDetails)
    .action(async (vaultName: string, given: string, options: OutputOptions) => {
      assertHasOutput(options);
      const reference = { vaultName, jobId: await tools.readId(given) };
      const where = options.output === undefined ? "and verify it" : `to ${options.output}`;
      if (tools.reportIfDryRun(`download the output of job ${reference.jobId} ${where}`)) {
        return;
      }
      const client = await tools.client();
      const { downloadJobOutput, streamJobOutput, verifyJobOutput } = await import("@moraine/client/node");
      const { range, treeHash: known } = options;
      const wishes = { ...(range !== undefined && { range }), ...(known !== undefined && { treeHash: known }) };
      await downloadOrVerify(tools, options, {
        name: nameOf(options, vaultName),
        toFile: (settings) => downloadJobOutput(client, reference, { ...wishes, ...settings }),
        stream: (settings) => streamJobOutput(client, reference, { ...wishes, ...settings, reuseBuffers: true }),
        verify: (settings) => verifyJobOutput(client, reference, { ...wishes, ...settings }),
      });
    });
}

const outputDetails = `
After any interruption, the same command resumes the download: verified ranges
are not fetched again. FILE appears when all of it is verified and on the disk.
Until then FILE.partial and its journal exist next to it. With -o -, bytes are
written in order, each range when it is verified.

Exits with 75 while the job is in progress, with 3 when it does not exist
(outputs expire after a day), with 4 when verification fails.

Examples:
  moraine job output photos JOB_ID -o holiday.tar --bwlimit 10MiB
  moraine job output photos JOB_ID -o - | tar x
  moraine job output photos JOB_ID --verify-only
  moraine job output photos JOB_ID -o first.mib --range 0-1048575`;
