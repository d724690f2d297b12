import { errors } from "@moraine/protocol";
import type { InventoryPage, UploadRequest } from "../../../domain/stores/metadata-store.ts";
import { nextPlace } from "../../../domain/stores/next-place.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Archive } from "../../../domain/vaults/archive.ts";
import type { PermittedVault } from "../../../domain/vaults/permission.ts";
import { arnOf } from "../../../domain/vaults/vault.ts";
import type { Changes, Queries } from "../methods.ts";
import { literal, rowsChanged } from "../prepared.ts";
import { dropDamageOf } from "./damage-rows.ts";
import { areEqual, hashRequest, packHead, unpackHash } from "./packed.ts";
import { release } from "./releases.ts";
import { addDigest, addTo, emptySum, livingDigest, subtractDigest } from "./row-macs/archive-sum.ts";
import type { SealedValues } from "./row-macs/row-hasher.ts";
import { sealOf } from "./row-macs/row-seal.ts";
import { changing, sealedInsertion, sealedRow, sealedRows } from "./row-macs/sealed-rows.ts";
import { archiveOf, archiveRow } from "./rows.ts";
import type { ArchiveRow, Database } from "./schema.ts";
import { abandonPending, makeLive } from "./segments.ts";
import { storedHead, storedRequest } from "./stored-values.ts";
import { bumpRevision, findById, requirePermitted, selectVaultById } from "./vaults/vault-contents.ts";

export const archiveQueries = {
  async findArchive(db, { vaultId, archiveId }) {
    const archive = await findArchive(db, archiveId);
    return archive?.vaultId === vaultId ? archive : null;
  },

  async inventoryPage(db, { vaultId, revision, limit, ...bounds }) {
    const newestAt = (await newestOf(db, vaultId, revision)) ?? Number.MAX_SAFE_INTEGER - 1;
    const { hasher } = sealOf(db);
    const sum = Buffer.from(emptySum);
    const page = {
      vaultId,
      revision,
      limit,
      ...firstPosition(bounds),
      createdBefore: Math.min(bounds.createdBefore ?? Number.MAX_SAFE_INTEGER, newestAt + 1),
    };
    const rows = await selectLiving(db, page, (row, digest) =>
      // The row of an archive that lives is the one that counts.
      addTo(sum, row.deleted_at === null ? digest : livingDigest(hasher, row as unknown as SealedValues)),
    );
    const last = rows.at(-1);
    if (last !== undefined) {
      nextPlace([page.afterTime, packHead(page.afterId)], [last.created_at, last.id_head]);
    }
    return { archives: rows.map(archiveOf), sum: unpackHash(sum) };
  },
} satisfies Partial<Queries>;

export const archiveChanges = {
  async addArchive(db, { archive, segment, request, ...permitted }) {
    const earlier = request === undefined ? null : await findRequested(db, request, archive.vaultId);
    if (earlier !== null) {
      await abandonPending(db, segment);
      return archiveOf(earlier);
    }
    await insertAndCount(db, archive, permitted);
    await makeLive(db, segment);
    if (request !== undefined) {
      await dropRequest(db, request);
      await insertRequest(db, {
        key: storedRequest(request.key),
        archive_head: storedHead(archive.id),
        made_at: archive.createdAt,
      });
    }
    return archive;
  },

  async removeArchive(db, { archiveId, now, ...permitted }) {
    const { vault, vaultId } = permitted;
    const row = await findArchiveRow(db, archiveId);
    if (row === null) {
      throw errors.archiveNotFound(archiveId);
    }
    if (row.vault_id !== vaultId) {
      // Only the owner of both vaults may know that the archive is elsewhere.
      const holder = await findById(db, row.vault_id);
      throw holder?.accountId === vault.accountId
        ? errors.invalidVaultName(arnOf(vault))
        : errors.archiveNotFound(archiveId);
    }
    if (row.deleted_at !== null) {
      return;
    }
    const vaultRow = await requirePermitted(db, permitted);
    const sum = subtractDigest(vaultRow.archive_sum, livingDigest(sealOf(db).hasher, row as unknown as SealedValues));
    await bumpRevision(db, vaultRow, { count: -1, bytes: -row.size_bytes, sum, now });
    await markDeleted(db, row, { deleted_at: now, deleted_revision: vaultRow.revision + 1 });
    await release(db, { ownerId: archiveId, now });
    await dropDamageOf(db, { ownerId: archiveId });
  },

  forgetRequests(db, at) {
    return deleteRequests(db, at);
  },
} satisfies Partial<Changes>;

/** Nothing of the inventory was created later. Archives that were added since come last, and a page need not look at them. */
async function newestOf(db: Database, vaultId: string, revision: number): Promise<Instant | null> {
  const vault = await selectVaultById(db, { vaultId });
  return vault?.inventory_revision === revision ? vault.inventory_newest_at : null;
}

/** Adds the archive as a step of its vault. Throws ResourceNotFoundException when the vault is gone, and VaultChangedError. */
export async function insertAndCount(
  db: Database,
  archive: Archive,
  permitted: Omit<PermittedVault, "vaultId">,
): Promise<void> {
  const { vaultId, sizeBytes, createdAt } = archive;
  const vault = await requirePermitted(db, { vaultId, ...permitted });
  const digest = await insertArchive(db, archiveRow(archive, vault.revision + 1));
  const sum = addDigest(vault.archive_sum, digest);
  await bumpRevision(db, vault, { count: 1, bytes: sizeBytes, sum, now: createdAt });
}

/** In any vault, also a deleted one. */
export async function findArchive(db: Database, archiveId: string): Promise<Archive | null> {
  const row = await findArchiveRow(db, archiveId);
  return row === null ? null : archiveOf(row);
}

async function findArchiveRow(db: Database, archiveId: string): Promise<ArchiveRow | null> {
  const row = await selectArchive(db, { head: packHead(archiveId) });
  // A client's id may begin as another does.
  return row !== undefined && archiveOf(row).id === archiveId ? row : null;
}

/** The archive that the same request made, if it is still there. */
async function findRequested(
  db: Database,
  { key, madeSince }: UploadRequest,
  vaultId: string,
): Promise<ArchiveRow | null> {
  const request = await selectRequest(db, { key });
  if (request === undefined || request.made_at < madeSince) {
    return null;
  }
  const archive = await selectArchive(db, { head: request.archive_head });
  return archive !== undefined && archive.vault_id === vaultId && archive.deleted_at === null ? archive : null;
}

const selectArchive = sealedRow(
  "archives",
  (db, at: { head: Uint8Array }) => db.selectFrom("archives").selectAll().where("id_head", "=", at.head),
  (row, at) => areEqual(row.id_head, at.head),
);

const isListed = literal(1);

const insertArchive = sealedInsertion("archives");
const markDeleted = changing("archives", "deleted_at", "deleted_revision");

const insertRequest = sealedInsertion("upload_requests");

const dropRequest = rowsChanged((db, at: { key: string }) =>
  db.deleteFrom("upload_requests").where("key", "=", storedRequest(at.key)),
);

const deleteRequests = rowsChanged((db, at: { madeBefore: Instant; limit: number }) =>
  db
    .deleteFrom("upload_requests")
    .where("key", "in", (eb) =>
      eb.selectFrom("upload_requests").select("key").where("made_at", "<", at.madeBefore).limit(at.limit),
    ),
);

const selectRequest = sealedRow(
  "upload_requests",
  (db, at: { key: string }) => db.selectFrom("upload_requests").selectAll().where("key", "=", storedRequest(at.key)),
  (row, at) => areEqual(row.key, hashRequest(at.key)),
);

interface LivingPage {
  vaultId: string;
  revision: number;
  afterTime: Instant;
  afterId: string;
  createdBefore: Instant;
  limit: number;
}

/** Where the index is entered: after the position, or at the first creation time, whichever is later. */
function firstPosition({ after, createdFrom }: Pick<InventoryPage, "after" | "createdFrom">) {
  const from = createdFrom ?? Number.MIN_SAFE_INTEGER;
  return after !== null && after.createdAt >= from
    ? { afterTime: after.createdAt, afterId: after.id }
    : { afterTime: from, afterId: "" };
}

/** Reads the partial index `archives_listed`, which upkeep keeps free of deleted archives that no inventory needs (deleted-archives.ts). */
const selectLiving = sealedRows("archives", (db, page: LivingPage) =>
  db
    .selectFrom("archives")
    .selectAll()
    .where("vault_id", "=", page.vaultId)
    .where((eb) => eb(eb.refTuple("created_at", "id_head"), ">", eb.tuple(page.afterTime, storedHead(page.afterId))))
    .where("created_at", "<", page.createdBefore)
    .where("created_revision", "<=", page.revision)
    .where((eb) => eb.or([eb("deleted_revision", "is", null), eb("deleted_revision", ">", page.revision)]))
    .where("listed", "=", isListed)
    .orderBy("created_at")
    .orderBy("id_head")
    .limit(page.limit),
);
