import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Catalog } from "../../packages/cli/src/catalog/catalog.ts";
import { importInventory } from "../../packages/cli/src/catalog/inventory/import-inventory.ts";
import { lineOf } from "../../packages/cli/src/manifest/manifest-entry.ts";
import type { GlacierHttp, InventoryEntry } from "./glacier-http.ts";
import { region } from "./server-process.ts";

// Vaults to be emptied: archives, a catalogue of them, and verified copies in a folder with their manifest.

const uploadsAtOnce = 8;

/** The content of an archive, which tells its number. */
export const contentOfNumber = (number: number): Buffer => Buffer.from(`archive ${number} ${"x".repeat(number % 97)}`);

/** Creates a vault with archives that are described by their paths. */
export async function fillVault(http: GlacierHttp, vault: string, count: number): Promise<void> {
  await http.createVault(vault);
  let next = 0;
  const upload = async () => {
    while (next < count) {
      const number = next;
      next += 1;
      await http.uploadArchive(vault, contentOfNumber(number), pathOfNumber(number));
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, upload));
}

export const pathOfNumber = (number: number): string => `folder-${number % 10}/file-${number}.txt`;

/** Writes a catalogue of the vault, from an inventory of the service, as of a time. */
export async function writeCatalog(
  path: string,
  service: { readonly url: string; readonly vault: string },
  entries: readonly InventoryEntry[],
  listedAt: Date,
): Promise<void> {
  using catalog = Catalog.open(path, identityOf(service));
  const document = JSON.stringify({
    VaultARN: `arn:aws:glacier:${region}:123456789012:vaults/${service.vault}`,
    InventoryDate: listedAt.toISOString(),
    ArchiveList: entries,
  });
  const { signal } = new AbortController();
  await importInventory(catalog, bytesOf(document), { signal });
}

/** Records an archive in the catalogue as an upload does. */
export function recordUpload(
  path: string,
  service: { readonly url: string; readonly vault: string },
  { ArchiveId, ArchiveDescription, Size, SHA256TreeHash, CreationDate }: InventoryEntry,
): void {
  using catalog = Catalog.open(path, identityOf(service));
  catalog.archives.addUploaded({
    ...{ archiveId: ArchiveId, description: ArchiveDescription, path: ArchiveDescription, sizeBytes: Size },
    ...{ treeHash: SHA256TreeHash, createdAt: new Date(CreationDate), format: "text", modifiedAt: null },
  });
}

const identityOf = ({ url, vault }: { readonly url: string; readonly vault: string }) => ({
  ...{ endpoint: new URL(url).origin, region, accountId: "-", vaultName: vault },
});

/** Writes copies of archives as a rescue leaves them, with their manifest. */
export async function writeCopies(folder: string, entries: readonly InventoryEntry[]): Promise<void> {
  const lines: string[] = [];
  for (const entry of entries) {
    const path = entry.ArchiveDescription;
    const content = contentOfNumber(Number(/\d+(?=\.txt)/.exec(path)?.[0]));
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), content);
    lines.push(
      lineOf({
        archiveId: entry.ArchiveId,
        path,
        location: path,
        description: path,
        sizeBytes: entry.Size,
        treeHash: entry.SHA256TreeHash,
        sha256: createHash("sha256").update(content).digest("hex"),
        modifiedAt: null,
        createdAt: new Date(entry.CreationDate),
        verifiedAt: new Date(),
      }),
    );
  }
  await writeFile(join(folder, "MANIFEST.jsonl"), lines.join(""));
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array, void, void> {
  yield Buffer.from(text);
}
