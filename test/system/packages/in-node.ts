import { createReadStream } from "node:fs";
import { createClient, ResourceNotFoundException, type UploadResult, uploadArchive } from "@moraine/client/node";
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
