import { createReadStream } from "node:fs";
import {
  createAdminClient,
  createClient,
  ResourceNotFoundException,
  retrieveArchive,
  TransferError,
  type UploadResult,
  uploadArchive,
} from "@moraine/client/node";
import { operations } from "@moraine/protocol";

const client = await createClient({ profile: "backup" });
const source = createReadStream("holiday.tar");
const { treeHash }: UploadResult = await uploadArchive(client, source, { vaultName: "photos" });
export const hash: string = treeHash;
export const path: string = operations.CreateVault.path;

// @ts-expect-error A vault must be named.
await client.describeVault({}).catch((error) => {
  if (error instanceof ResourceNotFoundException) {
    const status: number = error.status;
    console.log(status);
  }
});

// Options that may be left out take undefined too, under exactOptionalPropertyTypes.
const signal: AbortSignal | undefined = undefined;
const vaultName = "photos";
await createClient({ region: undefined, credentials: undefined, endpoint: undefined, profile: undefined });
void createAdminClient({ region: "us-east-1", endpoint: "http://127.0.0.1:8484", credentials: undefined });
await uploadArchive(client, { path: "a.tar" }, { vaultName, description: undefined, journal: undefined, signal });
const target = { target: "a.tar", tier: undefined, concurrency: undefined, onEvent: undefined, signal };
await retrieveArchive(client, { vaultName, archiveId: "-" }, target).catch((error: unknown) => {
  if (error instanceof TransferError) console.log(error.name);
});
await client.initiateJob({ vaultName, jobParameters: { Type: "inventory-retrieval", Tier: undefined } }, { signal });
// @ts-expect-error There is no such tier.
await client.initiateJob({ vaultName, jobParameters: { Type: "archive-retrieval", Tier: "Fast" } });
