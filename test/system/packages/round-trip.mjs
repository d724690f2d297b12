import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createClient, ResourceNotFoundException, retrieveArchive, uploadArchive } from "@moraine/client/node";

// It has several parts, so that threads hash them: their module must be found as it is packed.
const bytes = randomBytes(5 * 1024 ** 2 + 1);
const vaultName = "photos";
await writeFile("sent", bytes);
const client = await createClient();
await client.createVault({ vaultName });
const { archiveId } = await uploadArchive(client, { path: "sent" }, { vaultName, partSizeBytes: 1024 ** 2 });
await retrieveArchive(client, { vaultName, archiveId }, { target: "received", rangeSizeBytes: 1024 ** 2 });
assert.deepEqual(await readFile("received"), bytes);
await assert.rejects(client.describeVault({ vaultName: "nowhere" }), ResourceNotFoundException);
await rm("received");
