import { hash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { type AccountId, type ArchiveId, TreeHasher, toHex } from "@moraine/protocol";
import type { Segment } from "../../packages/server/src/domain/segment.ts";
import { permittedBy } from "../../packages/server/src/domain/vaults/permission.ts";
import { encodeFooter } from "../../packages/server/src/segments/footer.ts";
import { openSqliteStore } from "../../packages/server/src/storage/metadata/sqlite/sqlite-store.ts";
import { GlacierHttp } from "./glacier-http.ts";
import { rowSecretOf } from "./row-secret.ts";
import { accountId, region, startServer } from "./server-process.ts";

// An archive of 10,000 parts of 1 MiB in a few seconds and little disk: its files are sparse, and are put next to a server
// that is not running, as a server would have stored them.

export const partSizeBytes = 1024 ** 2;
const partsAtOnce = 100;
const sha256 = (bytes: Uint8Array) => hash("sha256", bytes, "buffer");

/** The bytes of a part: its number, in one of a few hundred ways, and zeros. */
export function contentOfPart(number: number): Buffer {
  const bytes = Buffer.alloc(partSizeBytes);
  bytes.writeUInt32BE(number % distinctParts);
  return bytes;
}

const distinctParts = 251;

/** Makes the vault and the archive in the folder, and leaves no server running. Resolves to the archive's id. */
export async function makeArchiveOfParts(dataFolder: string, vault: string, partCount: number): Promise<string> {
  const uploadId = await begin(dataFolder, vault);
  const treeHash = await storeParts(dataFolder, vault, partCount);
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  const answer = await glacier.demand({
    method: "POST",
    path: `/-/vaults/${vault}/multipart-uploads/${uploadId}`,
    headers: { "x-amz-archive-size": String(partCount * partSizeBytes), "x-amz-sha256-tree-hash": treeHash },
  });
  glacier.close();
  await server.stop();
  return String(answer.headers["x-amz-archive-id"]);
}

async function begin(dataFolder: string, vault: string): Promise<string> {
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault(vault);
  const answer = await glacier.demand({
    method: "POST",
    path: `/-/vaults/${vault}/multipart-uploads`,
    headers: { "x-amz-part-size": String(partSizeBytes) },
  });
  glacier.close();
  await server.stop();
  return String(answer.headers["x-amz-multipart-upload-id"]);
}

/** Resolves to the tree hash of all parts. */
async function storeParts(dataFolder: string, vaultName: string, partCount: number): Promise<string> {
  const onFailure = (error: Error) => {
    throw error;
  };
  const store = await openSqliteStore({
    path: join(dataFolder, "moraine.db"),
    mayCreate: false,
    rowSecret: rowSecretOf(dataFolder),
    onFailure,
  });
  const vault = await store.findVault({ accountId: accountId as AccountId, region, vaultName });
  const [upload] = await store.listUploads({ vaultId: vault?.id ?? "", idleSince: 0, after: null, limit: 1 });
  if (vault === null || upload === undefined) {
    throw new Error(`The vault ${vaultName} has no open upload`);
  }
  const leaves = Array.from({ length: distinctParts }, (_, number) => sha256(contentOfPart(number)));
  const tree = new TreeHasher(sha256);
  const folder = join(dataFolder, "blobs", "ab", "cd");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let first = 0; first < partCount; first += partsAtOnce) {
    const numbers = Array.from({ length: Math.min(partsAtOnce, partCount - first) }, (_, index) => first + index);
    await Promise.all(
      numbers.map(async (number) => {
        const leaf = leaves[number % distinctParts] ?? Buffer.alloc(0);
        const segment = segmentOf(upload.archiveId, number, toHex(leaf));
        await writeFile(join(dataFolder, "blobs", segment.key), number, { segment, leaf, vaultName });
        await store.recordIntent({ key: segment.key, ownerId: segment.ownerId, leaseUntil: Number.MAX_SAFE_INTEGER });
        await store.addPart({
          ...permittedBy(vault),
          uploadId: upload.id,
          segment,
          idleSince: 0,
          now: upload.createdAt,
        });
      }),
    );
    for (const number of numbers) {
      tree.push(leaves[number % distinctParts] ?? Buffer.alloc(0));
    }
  }
  await store.close();
  return toHex(tree.root());
}

function segmentOf(ownerId: ArchiveId, number: number, treeHash: Segment["treeHash"]): Segment {
  const nonce = String(number).padStart(16, "0");
  const firstByte = number * partSizeBytes;
  return { key: `ab/cd/${ownerId}.${nonce}`, ownerId, firstByte, sizeBytes: partSizeBytes, treeHash };
}

async function writeFile(
  path: string,
  number: number,
  { segment, leaf, vaultName }: { segment: Segment; leaf: Uint8Array; vaultName: string },
): Promise<void> {
  const { ownerId, firstByte, sizeBytes, treeHash } = segment;
  const vaultArn = `arn:aws:glacier:${region}:${accountId}:vaults/${vaultName}`;
  const described = { ownerId, vaultArn, description: "", storedAt: 0, firstByte, sizeBytes, treeHash };
  const file = await open(path, "wx", 0o400);
  await file.write(contentOfPart(number), 0, 4, 0);
  const footer = encodeFooter({ ...described, leaves: leaf });
  await file.write(footer, 0, footer.length, sizeBytes);
  await file.close();
}
