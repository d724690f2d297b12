import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient, uploadArchive, waitForJob } from "../packages/client/src/node.ts";
import { region, rootKey } from "../test/support/server-process.ts";
import { moraine, programRun, python } from "./program-run.ts";
import { type Program, type Race, race } from "./race.ts";
import { randomBytes } from "./source.ts";
import { type Stage, vault } from "./stage.ts";

const sizeBytes = 1024 ** 3;
const rounds = 3;
const here = (name: string) => fileURLToPath(import.meta.resolve(name));
const aws = "/usr/bin/aws";

/** An archive of 1 GiB from disk and to disk, by our command, aws-cli, and a loop over boto3 as its users write it. */
export async function measureTransfers({ server, folder }: Stage): Promise<Race[]> {
  const url = `http://127.0.0.1:${server.port}`;
  const source = join(folder, "source");
  await writeSource(source);
  const jobId = await retrieved(url, source);
  const program = (name: string, goal: number | null, path: string, command: readonly string[]): Program => ({
    name,
    ...(goal !== null && { goal }),
    run: () => programRun(url, command, sizeBytes),
    after: () => rm(path, { force: true }),
  });
  const target = join(folder, "target");
  const journal = `${source}.journal`;
  const own = (...args: string[]) => [...moraine, "--endpoint", url, "--quiet", ...args];
  const boto3 = (...args: string[]) => [python, here("./boto3_transfer.py"), ...args];
  const glacier = (...args: string[]) => [
    aws,
    "--endpoint-url",
    url,
    "glacier",
    ...args,
    "--account-id=-",
    `--vault-name=${vault}`,
  ];
  const awsDownload = glacier("get-job-output", `--job-id=${jobId}`, target);
  const boto3Download = boto3("download", vault, jobId, target);
  return [
    await race({ name: "download of 1 GiB to disk", unit: "bytes", rounds }, [
      program("moraine, all verified", null, target, own("job", "output", vault, jobId, "-o", target)),
      program("aws-cli, nothing verified", 1, target, awsDownload),
      program("boto3, ranges verified", 2, target, boto3Download),
      // As ours: it gives no name before the disk has the bytes. And what the disk alone can.
      program("aws-cli, and synced", null, target, synced(target, awsDownload)),
      program("boto3, and synced", null, target, synced(target, boto3Download)),
      program("dd, synced, nothing fetched", null, target, dd(source, target)),
    ]),
    await race({ name: "upload of 1 GiB from disk", unit: "bytes", rounds }, [
      program("moraine, with a journal", null, journal, own("upload", vault, source, "--journal", journal)),
      program("aws-cli, one request", 1, journal, glacier("upload-archive", `--body=${source}`)),
      program("boto3, parts", 2, journal, boto3("upload", vault, "bench", source)),
    ]),
  ];
}

const dd = (from: string, to: string) => ["dd", `if=${from}`, `of=${to}`, "bs=2M", "oflag=direct", "conv=fsync"];

function synced(path: string, command: readonly string[]): string[] {
  return ["sh", "-c", '"$@" && sync "$0"', path, ...command];
}

async function writeSource(path: string): Promise<void> {
  await using file = await open(path, "w");
  const piece = randomBytes(64 * 1024 ** 2);
  for (let position = 0; position < sizeBytes; position += piece.length) {
    piece.writeDoubleLE(position);
    await file.write(piece, 0, piece.length, position);
  }
  await file.sync();
}

async function retrieved(endpoint: string, path: string): Promise<string> {
  const client = await createClient({ endpoint, region, credentials: rootKey });
  const { archiveId } = await uploadArchive(client, { path }, { vaultName: vault });
  const jobParameters = { Type: "archive-retrieval", ArchiveId: archiveId } as const;
  const { jobId } = await client.initiateJob({ vaultName: vault, jobParameters });
  await waitForJob(client, { vaultName: vault, jobId });
  return jobId;
}
