import { hash } from "node:crypto";
import { errors, limits, type Sha256 } from "@moraine/protocol";
import type { Archive } from "../../domain/archive.ts";
import type { Instant } from "../../domain/instant.ts";
import { invariant } from "../../domain/invariant.ts";
import { type ArchiveClaim, assembleArchive, assertClaimed } from "../../domain/multipart-upload.ts";
import { forgetRequests, insertCounted, selectArchive } from "./archives.ts";
import type { Changes, Queries } from "./methods.ts";
import { insertion, literal, manyRows, oneRow, rowsChanged } from "./prepared.ts";
import { archiveOf, segmentOf, uploadOf, uploadRow } from "./rows.ts";
import type { Database, UploadRow } from "./schema.ts";
import { letGoOwned, letGoReplaced, makeLive, referenced, selectOwned } from "./segments.ts";
import { requireVault } from "./vault-contents.ts";

export const uploadQueries = {
  async findUpload(db, at) {
    const row = await selectUpload(db, at);
    return row !== undefined && isOpen(row, at.idleSince) ? uploadOf(row) : null;
  },

  async listUploads(db, { after, ...page }) {
    const rows = await selectUploads(db, {
      ...page,
      afterTime: after?.createdAt ?? Number.MIN_SAFE_INTEGER,
      afterId: after?.id ?? "",
    });
    return rows.map(uploadOf);
  },

  async listParts(db, { uploadId, afterByte, limit }) {
    const rows = await selectParts(db, { uploadId, afterByte: afterByte ?? -1, limit });
    return rows.map(segmentOf);
  },
} satisfies Partial<Queries>;

export const uploadChanges = {
  async addUpload(db, { upload, vault }) {
    await requireVault(db, { vaultId: upload.vaultId, vault });
    await insertUpload(db, uploadRow(upload));
  },

  async addPart(db, { uploadId, segment, idleSince, now }) {
    const upload = await touch(db, { uploadId, idleSince, now });
    if (upload === undefined) {
      throw errors.uploadNotFound(uploadId);
    }
    invariant(upload.archive_id === segment.ownerId, "a part belongs to the archive that its upload will make");
    await letGoReplaced(db, { ownerId: segment.ownerId, firstByte: segment.firstByte, now });
    await makeLive(db, segment);
  },

  async completeUpload(db, { vaultId, uploadId, claim, idleSince, now }) {
    const upload = await selectUpload(db, { vaultId, uploadId });
    if (upload !== undefined && isOpen(upload, idleSince)) {
      return makeArchive(db, upload, claim, now);
    }
    if (upload?.state !== "completed" || endedBefore(upload, idleSince)) {
      throw errors.uploadNotFound(uploadId);
    }
    const row = await selectArchive(db, { archiveId: upload.archive_id });
    invariant(row !== undefined, "a completed upload has made an archive");
    const archive = archiveOf(row);
    assertClaimed(archive, claim);
    return archive;
  },

  async abortUpload(db, { vaultId, uploadId, idleSince, now }) {
    const upload = await selectUpload(db, { vaultId, uploadId });
    if (upload !== undefined && isOpen(upload, idleSince)) {
      await end(db, upload, "aborted", now);
    } else if (upload?.state !== "aborted" || endedBefore(upload, idleSince)) {
      throw errors.uploadNotFound(uploadId);
    }
  },

  async expireUploads(db, { idleSince, now, limit }) {
    const idle = await selectIdle(db, { idleSince, limit });
    for (const upload of idle) {
      await end(db, upload, "expired", now);
    }
    await deleteEnded(db, { idleSince });
    await forgetRequests(db, { madeBefore: idleSince });
    return idle.length;
  },
} satisfies Partial<Changes>;

/** Lets the parts of the vault's open uploads go, and drops the rows of all. */
export async function removeUploadsOf(db: Database, at: { vaultId: string; now: Instant }): Promise<void> {
  await letGoParts(db, at);
  await deleteUploads(db, at);
}

const open = literal("open");
const sha256: Sha256 = (bytes) => hash("sha256", bytes, "buffer");

function isOpen(upload: UploadRow, idleSince: Instant): boolean {
  return upload.state === "open" && upload.active_at >= idleSince;
}

function endedBefore(upload: UploadRow, time: Instant): boolean {
  return upload.ended_at === null || upload.ended_at < time;
}

async function makeArchive(db: Database, row: UploadRow, claim: ArchiveClaim, now: Instant): Promise<Archive> {
  const upload = uploadOf(row);
  // One more than there may be, so that too many cannot pass unseen.
  const limit = limits.partCountMax + 1;
  const parts = await selectOwned(db, { ownerId: upload.archiveId, afterByte: -1, limit });
  invariant(parts.length < limit, "an upload has no more parts than its limit");
  const archive: Archive = {
    id: upload.archiveId,
    vaultId: upload.vaultId,
    description: upload.description,
    sizeBytes: claim.sizeBytes,
    treeHash: assembleArchive(upload, parts.map(segmentOf), claim, sha256),
    createdAt: now,
    deletedAt: null,
  };
  const added = await insertCounted(db, archive);
  invariant(added, "a vault goes together with its open uploads");
  await close(db, row, "completed", now);
  return archive;
}

async function end(db: Database, upload: UploadRow, ending: "aborted" | "expired", now: Instant): Promise<void> {
  await close(db, upload, ending, now);
  await letGoOwned(db, { ownerId: upload.archive_id, now });
}

async function close(db: Database, upload: UploadRow, ending: UploadRow["state"], now: Instant): Promise<void> {
  const closed = await setEnding(db, { uploadId: upload.id, ending, now });
  invariant(closed === 1, "an upload ends once");
}

const insertUpload = insertion("uploads");

const selectUpload = oneRow((db, at: { vaultId: string; uploadId: string }) =>
  db.selectFrom("uploads").selectAll().where("id", "=", at.uploadId).where("vault_id", "=", at.vaultId),
);

interface OpenPage {
  vaultId: string;
  idleSince: Instant;
  afterTime: Instant;
  afterId: string;
  limit: number;
}

const selectUploads = manyRows((db, page: OpenPage) =>
  db
    .selectFrom("uploads")
    .selectAll()
    .where("vault_id", "=", page.vaultId)
    .where((eb) => eb(eb.refTuple("created_at", "id"), ">", eb.tuple(page.afterTime, page.afterId)))
    .where("state", "=", open)
    .where("active_at", ">=", page.idleSince)
    .orderBy("created_at")
    .orderBy("id")
    .limit(page.limit),
);

const selectParts = manyRows((db, page: { uploadId: string; afterByte: number; limit: number }) =>
  db
    .selectFrom("uploads")
    .innerJoin("segments", "segments.owner_id", "uploads.archive_id")
    .selectAll("segments")
    .where("uploads.id", "=", page.uploadId)
    .where("segments.first_byte", ">", page.afterByte)
    .where("segments.state", "in", referenced)
    .orderBy("segments.first_byte")
    .limit(page.limit),
);

/** Marks the upload as active, if it is still open. */
const touch = oneRow((db, at: { uploadId: string; idleSince: Instant; now: Instant }) =>
  db
    .updateTable("uploads")
    .set({ active_at: at.now })
    .where("id", "=", at.uploadId)
    .where("state", "=", open)
    .where("active_at", ">=", at.idleSince)
    .returning("archive_id"),
);

const setEnding = rowsChanged((db, at: { uploadId: string; ending: UploadRow["state"]; now: Instant }) =>
  db
    .updateTable("uploads")
    .set({ state: at.ending, ended_at: at.now })
    .where("id", "=", at.uploadId)
    .where("state", "=", open),
);

const selectIdle = manyRows((db, at: { idleSince: Instant; limit: number }) =>
  db
    .selectFrom("uploads")
    .selectAll()
    .where("state", "=", open)
    .where("active_at", "<", at.idleSince)
    .orderBy("active_at")
    .limit(at.limit),
);

const deleteEnded = rowsChanged((db, at: { idleSince: Instant }) =>
  db.deleteFrom("uploads").where("ended_at", "<", at.idleSince),
);

const letGoParts = rowsChanged((db, at: { vaultId: string; now: Instant }) =>
  db
    .updateTable("segments")
    .set({ state: "deleted", deleted_at: at.now })
    .where("owner_id", "in", (eb) =>
      eb.selectFrom("uploads").select("archive_id").where("vault_id", "=", at.vaultId).where("state", "=", open),
    )
    .where("state", "in", referenced),
);

const deleteUploads = rowsChanged((db, at: { vaultId: string }) =>
  db.deleteFrom("uploads").where("vault_id", "=", at.vaultId),
);
