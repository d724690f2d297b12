import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NewArchive } from "../../src/catalog/archives/archive-row.ts";
import { Catalog, type VaultIdentity } from "../../src/catalog/catalog.ts";
import type { CommandContext } from "../../src/context/tools.ts";

export const vault: VaultIdentity = {
  endpoint: "http://127.0.0.1:8484",
  region: "us-east-1",
  accountId: "-",
  vaultName: "photos",
};

/** As much of a command's context as opening a catalogue by its path needs. */
export const toolsOfCatalog = {
  environment: {},
  options: () => ({ endpoint: vault.endpoint, region: vault.region }),
  pathOf: (path: string) => path,
  stderr: process.stderr,
} as unknown as CommandContext;

/** A folder with the file of a catalogue in it, which is removed when disposed of. */
export function catalogFile(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "moraine-catalog-"));
  return {
    path: join(folder, "photos.sqlite"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** An open catalogue in such a folder. */
export function temporaryCatalog(): Disposable & { readonly catalog: Catalog; readonly path: string } {
  const file = catalogFile();
  const catalog = Catalog.open(file.path, vault);
  return {
    catalog,
    path: file.path,
    [Symbol.dispose]() {
      catalog[Symbol.dispose]();
      file[Symbol.dispose]();
    },
  };
}

/** An archive whose id and tree hash follow from its number. */
export function archiveOfNumber(number: number, facts: Partial<NewArchive> = {}): NewArchive {
  return {
    archiveId: idOfNumber(number),
    sizeBytes: number,
    treeHash: createHash("sha256").update(`hash ${number}`).digest("hex"),
    description: `file ${number}.txt`,
    createdAt: new Date(Date.UTC(2015, 0, 1) + number * 1000),
    path: `file ${number}.txt`,
    format: "text",
    modifiedAt: null,
    ...facts,
  };
}

/** 138 characters, as ids of the service have. */
export function idOfNumber(number: number): string {
  const bytes = Buffer.concat([0, 1, 2, 3].map((each) => createHash("sha256").update(`${number} ${each}`).digest()));
  return bytes.subarray(0, 103).toString("base64url");
}

/** All that an iterable of batches yields. */
export async function flat<T>(batches: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) {
    all.push(...batch);
  }
  return all;
}
