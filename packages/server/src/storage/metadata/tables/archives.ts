import { errors } from "@moraine/protocol";
import { invariant } from "../../../domain/invariant.ts";
import type { InventoryPage, UploadRequest } from "../../../domain/stores/metadata-store.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Archive } from "../../../domain/vaults/archive.ts";
import type { PermittedVault } from "../../../domain/vaults/permission.ts";
import { arnOf } from "../../../domain/vaults/vault.ts";
import type { Changes, Queries } from "../sqlite/methods.ts";
import { insertion, literal, manyRows, oneRow, rowsChanged } from "../sqlite/prepared.ts";
import { storedHead, storedRequest } from "../sqlite/stored-values.ts";
import { dropDamageOf } from "./damage-rows.ts";
import { release } from "./releases.ts";
import { archiveOf, archiveRow } from "./rows.ts";
import type { Database } from "./schema.ts";
import { abandonPending, makeLive } from "./segments.ts";
import { bumpRevision, findById, type RevisionChange, requirePermitted } from "./vault-contents.ts";

export const archiveQueries = {
  async findArchive(db, { vaultId, archiveId }) {
    const archive = await findArchive(db, archiveId);
    return archive?.vaultId === vaultId ? archive : null;
  },

  async inventoryPage(db, { vaultId, revision, limit, ...bounds }) {
    const newest = await selectNewest(db, { vaultId, revision });
    const newestAt = newest?.inventory_newest_at ?? Number.MAX_SAFE_INTEGER - 1;
    const rows = await selectLiving(db, {
      vaultId,
      revision,
      limit,
      ...firstPosition(bounds),
      createdBefore: Math.min(bounds.createdBefore ?? Number.MAX_SAFE_INTEGER, newestAt + 1),
    });
    return rows.map(archiveOf);
  },
} satisfies Partial<Queries>;

export const archiveChanges = {
  async addArchive(db, { archive, segment, request, ...permitted }) {
    const earlier =
      request === undefined ? undefined : await selectRequested(db, { ...request, vaultId: archive.vaultId });
    if (earlier !== undefined) {
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
    const archive = await findArchive(db, archiveId);
    if (archive === null) {
      throw errors.archiveNotFound(archiveId);
    }
    if (archive.vaultId !== vaultId) {
      // Only the owner of both vaults may know that the archive is elsewhere.
      const holder = await findById(db, archive.vaultId);
      throw holder?.accountId === vault.accountId
        ? errors.invalidVaultName(arnOf(vault))
        : errors.archiveNotFound(archiveId);
    }
    if (archive.deletedAt !== null) {
      return;
    }
    const revision = await stepPermitted(db, permitted, { count: -1, bytes: -archive.sizeBytes, now });
    const deleted = await markDeleted(db, { archiveId, revision, now });
    invariant(deleted === 1, "an archive is deleted once");
    await release(db, { ownerId: archiveId, now });
    await dropDamageOf(db, { ownerId: archiveId });
  },

  forgetRequests(db, at) {
    return deleteRequests(db, at);
  },
} satisfies Partial<Changes>;

/** Adds the archive as a step of its vault. Throws ResourceNotFoundException when the vault is gone, and VaultChangedError. */
export async function insertAndCount(
  db: Database,
  archive: Archive,
  permitted: Omit<PermittedVault, "vaultId">,
): Promise<void> {
  const { vaultId, sizeBytes, createdAt } = archive;
  const step = { count: 1, bytes: sizeBytes, now: createdAt };
  const revision = await stepPermitted(db, { vaultId, ...permitted }, step);
  await insertArchive(db, archiveRow(archive, revision));
}

/** The row is looked at only when the step was not made: then either the vault is gone, or it has another version. */
async function stepPermitted(
  db: Database,
  permitted: PermittedVault,
  step: Omit<RevisionChange, "vaultId" | "accessVersion">,
): Promise<number> {
  const { vaultId, accessVersion } = permitted;
  const revision = await bumpRevision(db, { vaultId, accessVersion, ...step });
  if (revision === undefined) {
    await requirePermitted(db, permitted);
  }
  invariant(revision !== undefined, "a vault with the version that was expected counts its archives");
  return revision;
}

/** In any vault, also a deleted one. */
export async function findArchive(db: Database, archiveId: string): Promise<Archive | null> {
  const row = await selectArchive(db, { archiveId });
  const archive = row === undefined ? null : archiveOf(row);
  // A client's id may begin as another does.
  return archive?.id === archiveId ? archive : null;
}

const selectArchive = oneRow((db, at: { archiveId: string }) =>
  db.selectFrom("archives").selectAll().where("id_head", "=", storedHead(at.archiveId)),
);

const isListed = literal(1);

const insertArchive = insertion("archives");
const insertRequest = insertion("upload_requests");

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

/** The archive that the same request made, if it is still there. */
const selectRequested = oneRow((db, at: UploadRequest & { vaultId: string }) =>
  db
    .selectFrom("archives")
    .innerJoin("upload_requests", "upload_requests.archive_head", "archives.id_head")
    .selectAll("archives")
    .where("upload_requests.key", "=", storedRequest(at.key))
    .where("upload_requests.made_at", ">=", at.madeSince)
    .where("archives.vault_id", "=", at.vaultId)
    .where("archives.deleted_at", "is", null),
);

const markDeleted = rowsChanged((db, at: { archiveId: string; revision: number; now: Instant }) =>
  db
    .updateTable("archives")
    .set({ deleted_at: at.now, deleted_revision: at.revision })
    .where("id_head", "=", storedHead(at.archiveId))
    .where("deleted_at", "is", null),
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

/** Nothing of the inventory was created later. Archives that were added since come last, and a page need not look at them. */
const selectNewest = oneRow((db, at: { vaultId: string; revision: number }) =>
  db
    .selectFrom("vaults")
    .select("inventory_newest_at")
    .where("id", "=", at.vaultId)
    .where("inventory_revision", "=", at.revision),
);

/** Reads the partial index `archives_listed`, which upkeep keeps free of deleted archives that no inventory needs (deleted-archives.ts). */
const selectLiving = manyRows((db, page: LivingPage) =>
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
