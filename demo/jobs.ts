import { setTimeout as sleep } from "node:timers/promises";
import {
  DescribeJobCommand,
  GetJobOutputCommand,
  type GlacierClient,
  InitiateJobCommand,
  type JobParameters,
} from "@aws-sdk/client-glacier";
import { assertSame, type Upload } from "./upload.ts";

const pollMilliseconds = 50;

export interface Jobs {
  readonly archive: string;
  readonly inventoryJson: string;
  readonly inventoryCsv: string;
}

/** Starts the three jobs side by side, and resolves when all have succeeded. */
export async function runJobs(
  client: GlacierClient,
  vaultName: string,
  archiveId: string,
  signal: AbortSignal,
): Promise<Jobs> {
  const run = (parameters: JobParameters) => runJob(client, vaultName, parameters, signal);
  const [archive, inventoryJson, inventoryCsv] = await Promise.all([
    run({ Type: "archive-retrieval", ArchiveId: archiveId }),
    run({ Type: "inventory-retrieval", Format: "JSON" }),
    run({ Type: "inventory-retrieval", Format: "CSV" }),
  ]);
  return { archive, inventoryJson, inventoryCsv };
}

async function runJob(
  client: GlacierClient,
  vaultName: string,
  jobParameters: JobParameters,
  signal: AbortSignal,
): Promise<string> {
  const of = { accountId: "-", vaultName };
  const { jobId = "" } = await client.send(new InitiateJobCommand({ ...of, jobParameters }), { abortSignal: signal });
  for (;;) {
    const { StatusCode, StatusMessage } = await client.send(new DescribeJobCommand({ ...of, jobId }), {
      abortSignal: signal,
    });
    if (StatusCode === "Succeeded") {
      return jobId;
    }
    if (StatusCode === "Failed") {
      throw new Error(`The ${jobParameters.Type} job failed: ${StatusMessage}`);
    }
    await sleep(pollMilliseconds, undefined, { signal });
  }
}

/** Both inventories must name the one archive there is, with its size and its tree hash. */
export async function checkInventories(
  client: GlacierClient,
  vaultName: string,
  jobs: Jobs,
  upload: Upload & { readonly sizeBytes: number },
): Promise<void> {
  const text = async (jobId: string) => {
    const { body } = await client.send(new GetJobOutputCommand({ accountId: "-", vaultName, jobId }));
    return (await body?.transformToString()) ?? "";
  };
  const { ArchiveList } = JSON.parse(await text(jobs.inventoryJson)) as { ArchiveList: Record<string, unknown>[] };
  assertSame("the number of archives in the JSON inventory", ArchiveList.length, 1);
  assertSame("the archive in it", ArchiveList[0]?.["ArchiveId"], upload.archiveId);
  assertSame("its size", ArchiveList[0]?.["Size"], upload.sizeBytes);
  assertSame("its tree hash", ArchiveList[0]?.["SHA256TreeHash"], upload.treeHash);
  const [, row = "", ...more] = (await text(jobs.inventoryCsv)).trimEnd().split("\n");
  assertSame("the number of archives in the CSV inventory", 1 + more.length, 1);
  for (const value of [upload.archiveId, String(upload.sizeBytes), upload.treeHash]) {
    assertSame(`whether the CSV inventory has ${value}`, row.includes(value), true);
  }
}
