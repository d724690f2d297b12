import { createReadStream } from "node:fs";
import { createClient } from "../../packages/client/src/node.ts";
import { Bandwidth } from "../../packages/client/src/transfers/bandwidth.ts";
import { downloadJobOutput } from "../../packages/client/src/transfers/download/download-job-output.ts";
import { uploadArchive } from "../../packages/client/src/transfers/upload/upload-archive.ts";
import { region, rootKey } from "./server-process.ts";

// A transfer in a process of its own, for tests that kill it: it reads its task as JSON and prints its result as JSON.

export interface TransferOrder {
  readonly endpoint: string;
  readonly vaultName: string;
  readonly bytesPerSecond: number;
  readonly pieceBytes: number;
  readonly download?: { readonly jobId: string; readonly target: string };
  readonly upload?: { readonly path: string; readonly journal: string; readonly asStream: boolean };
}

const order: TransferOrder = JSON.parse(process.argv[2] ?? "{}");
const { endpoint, vaultName, pieceBytes, download, upload } = order;
const client = await createClient({ endpoint, region, credentials: rootKey });
const bandwidth = new Bandwidth(order.bytesPerSecond);

if (download !== undefined) {
  const { jobId, target } = download;
  print(await downloadJobOutput(client, { vaultName, jobId }, { target, rangeSizeBytes: pieceBytes, bandwidth }));
}
if (upload !== undefined) {
  const source = upload.asStream ? createReadStream(upload.path) : { path: upload.path };
  const { journal } = upload;
  print(await uploadArchive(client, source, { vaultName, journal, partSizeBytes: pieceBytes, bandwidth }));
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
