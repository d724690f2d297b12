import { errors } from "@moraine/protocol";
import type { Archive } from "../../domain/archive.ts";
import type { Instant } from "../../domain/instant.ts";
import { invariant } from "../../domain/invariant.ts";
import type { UploadRequest } from "../../domain/metadata-store.ts";
import { arnOf } from "../../domain/vault.ts";
import { assertLockUnchanged } from "../../domain/vault-lock.ts";
import type { Changes, Queries } from "./methods.ts";
import { insertion, manyRows, oneRow, rowsChanged } from "./prepared.ts";
import { release } from "./releases.ts";
import { archiveOf, archiveRow } from "./rows.ts";
import type { Database } from "./schema.ts";
import { abandonPending, makeLive } from "./segments.ts";
import { findById, requireVault, stepRevision } from "./vault-contents.ts";

export const archiveQueries = {
  async findArchive(db, { vaultId, archiveId }) {
    const row = await selectArchive(db, { archiveId });
    return row === undefined || row.vault_id !== vaultId ? null : archiveOf(row);
  },

  async inventoryPage(db, { after, createdFrom, createdBefore, ...page }) {
    const rows = await selectLiving(db, {
      ...page,
      afterTime: after?.createdAt ?? Number.MIN_SAFE_INTEGER,
      afterId: after?.id ?? "",
      createdFrom: createdFrom ?? Number.MIN_SAFE_INTEGER,
      createdBefore: createdBefore ?? Number.MAX_SAFE_INTEGER,
    });
    return rows.map(archiveOf);
  },
} satisfies Partial<Queries>;

export const archiveChanges = {
  async addArchive(db, { archive, segment, vault, request }) {
    const earlier =
      request === undefined ? undefined : await selectRequested(db, { ...request, vaultId: archive.vaultId });
    if (earlier !== undefined) {
      await abandonPending(db, segment);
      return archiveOf(earlier);
    }
    const added = await insertCounted(db, archive);
    if (!added) {
      throw errors.vaultNotFound(arnOf(vault));
    }
    await makeLive(db, segment);
    if (request !== undefined) {
      await dropRequest(db, request);
      await insertRequest(db, { key: request.key, archive_id: archive.id, made_at: archive.createdAt });
    }
    return archive;
  },

  async removeArchive(db, { vault, vaultId, archiveId, lockSeen, now }) {
    const row = await selectArchive(db, { archiveId });
    if (row === undefined) {
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
    assertLockUnchanged(await requireVault(db, { vaultId, vault }), lockSeen);
    const revision = await stepRevision(db, { vaultId, count: -1, bytes: -row.size_bytes, now });
    invariant(revision !== undefined, "a vault stays while it holds an archive");
    const deleted = await markDeleted(db, { archiveId, revision, now });
    invariant(deleted === 1, "an archive is deleted once");
    await release(db, { ownerId: archiveId, now });
  },

  forgetRequests(db, at) {
    return deleteRequests(db, at);
  },
} satisfies Partial<Changes>;

/** Adds the archive as a step of its vault. False when the vault has gone; then nothing has changed. */
export async function insertCounted(db: Database, archive: Archive): Promise<boolean> {
  const { vaultId, sizeBytes, createdAt } = archive;
  const revision = await stepRevision(db, { vaultId, count: 1, bytes: sizeBytes, now: createdAt });
  if (revision === undefined) {
    return false;
  }
  await insertArchive(db, archiveRow(archive, revision));
  return true;
}

export const selectArchive = oneRow((db, at: { archiveId: string }) =>
  db.selectFrom("archives").selectAll().where("id", "=", at.archiveId),
);

const insertArchive = insertion("archives");
const insertRequest = insertion("upload_requests");

const dropRequest = rowsChanged((db, at: { key: string }) =>
  db.deleteFrom("upload_requests").where("key", "=", at.key),
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
    .innerJoin("upload_requests", "upload_requests.archive_id", "archives.id")
    .selectAll("archives")
    .where("upload_requests.key", "=", at.key)
    .where("upload_requests.made_at", ">=", at.madeSince)
    .where("archives.vault_id", "=", at.vaultId)
    .where("archives.deleted_at", "is", null),
);

const markDeleted = rowsChanged((db, at: { archiveId: string; revision: number; now: Instant }) =>
  db
    .updateTable("archives")
    .set({ deleted_at: at.now, deleted_revision: at.revision })
    .where("id", "=", at.archiveId)
    .where("deleted_at", "is", null),
);

interface LivingPage {
  vaultId: string;
  revision: number;
  afterTime: Instant;
  afterId: string;
  createdFrom: Instant;
  createdBefore: Instant;
  limit: number;
}

const selectLiving = manyRows((db, page: LivingPage) =>
  db
    .selectFrom("archives")
    .selectAll()
    .where("vault_id", "=", page.vaultId)
    .where((eb) => eb(eb.refTuple("created_at", "id"), ">", eb.tuple(page.afterTime, page.afterId)))
    .where("created_at", ">=", page.createdFrom)
    .where("created_at", "<", page.createdBefore)
    .where("created_revision", "<=", page.revision)
    .where((eb) => eb.or([eb("deleted_revision", "is", null), eb("deleted_revision", ">", page.revision)]))
    .orderBy("created_at")
    .orderBy("id")
    .limit(page.limit),
);
