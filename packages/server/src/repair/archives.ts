import type { ArchiveId, TreeHash } from "@moraine/protocol";
import type { BlobStore } from "../domain/stores/blob-store.ts";
import type { Action } from "./action.ts";
import type { RepairTarget } from "./apply/target.ts";
import type { KnownRows } from "./plan/known-rows.ts";
import { openManifest } from "./plan/open-manifest.ts";
import type { DecidedFile, SegmentIndex } from "./plan/segment-index.ts";
import { vaultKeyOf } from "./vault-key.ts";

export interface Linking {
  readonly index: SegmentIndex;
  readonly blobs: BlobStore;
  readonly rows: KnownRows;
  /** Null when nothing is changed. */
  readonly target: RepairTarget | null;
  print(action: Action): void;
}

/** Archives that are linked at a time: many share a commit of the database. */
const atOnce = 64;

/** Links the archives of the segments that the database does not know, and makes their vaults. */
export async function linkArchives(linking: Linking): Promise<void> {
  const { index, target, print } = linking;
  for (const { vault_arn: vault, first_stored_at: createdAt, archives } of index.vaults()) {
    const key = vaultKeyOf(vault);
    if (key !== null && (target === null || (await target.ensureVault(key, createdAt)))) {
      print({ code: "vault-rebuilt", message: `a vault of ${archives} archives that the segments name`, vault });
    }
  }
  await inChunks(index.ofFate("single"), (file) => linkSingle(linking, file), print);
  await inChunks(index.ofFate("manifest"), (file) => linkOfParts(linking, file), print);
}

async function inChunks<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<readonly Action[]>,
  print: (action: Action) => void,
): Promise<void> {
  const doAll = async (chunk: readonly Item[]) => {
    for (const actions of await Promise.all(chunk.map(work))) {
      actions.forEach(print);
    }
  };
  let chunk: Item[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length === atOnce) {
      await doAll(chunk);
      chunk = [];
    }
  }
  await doAll(chunk);
}

async function linkSingle({ target }: Linking, file: DecidedFile): Promise<Action[]> {
  const { key, owner, first_byte: firstByte, size_bytes: sizeBytes, tree_hash, vault_arn: vault, description } = file;
  const vaultKey = vaultKeyOf(vault);
  if (vaultKey === null) {
    return [
      { code: "undecided", message: `its footer names no vault: ${vault}`, archive: owner, file: `blobs/${key}` },
    ];
  }
  const treeHash = tree_hash as TreeHash;
  const id = owner as ArchiveId;
  const archive = { id, description, sizeBytes, treeHash, createdAt: file.stored_at, deletedAt: null };
  await target?.addSingle(vaultKey, archive, { key, ownerId: owner, firstByte, sizeBytes, treeHash });
  const what = `an archive of ${sizeBytes} bytes in one segment`;
  return [{ code: "archive-linked", message: [what, file.reason].filter(Boolean).join(", "), vault, archive: owner }];
}

async function linkOfParts({ blobs, index, rows, target }: Linking, file: DecidedFile): Promise<Action[]> {
  await using manifest = await openManifest(blobs, file.key);
  const { vaultArn: vault, archiveId, description, sizeBytes, treeHash, createdAt } = manifest.head;
  const vaultKey = vaultKeyOf(vault);
  if (vaultKey === null) {
    return [
      { code: "undecided", message: `its manifest names no vault: ${vault}`, archive: archiveId, file: file.key },
    ];
  }
  const actions: Action[] = [];
  let count = 0;
  async function* parts() {
    for await (const part of manifest.parts) {
      count += 1;
      actions.push(...damageOf({ index, rows }, part.key, archiveId));
      yield part;
    }
  }
  const archive = { id: archiveId as ArchiveId, description, sizeBytes, treeHash, createdAt, deletedAt: null };
  const upload = rows.upload(archiveId);
  const uploadId = upload?.state === "open" ? upload.id : null;
  if (target === null) {
    for await (const _ of parts()) {
      // Counts them.
    }
  } else {
    await target.addOfParts(vaultKey, { archive, manifest: manifest.segment, parts: parts(), uploadId });
  }
  const message = `an archive of ${sizeBytes} bytes in ${count} parts`;
  return [{ code: "archive-linked", message, vault, archive: archiveId }, ...actions];
}

/** A part whose file is missing or damaged: its row is made all the same, so that the rest of the archive can be read. */
function damageOf({ index, rows }: Pick<Linking, "index" | "rows">, key: string, archive: string): Action[] {
  const file = index.find(key);
  if (file === undefined ? rows.isKnown(key) : file.problem === null) {
    return [];
  }
  const message = `a part of the archive is damaged: ${file?.problem ?? "its file is missing"}`;
  return [{ code: "segment-damaged", message, archive, file: `blobs/${key}` }];
}
