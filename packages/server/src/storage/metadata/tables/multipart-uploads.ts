import { errors } from "@moraine/protocol";
import type { ExpressionBuilder } from "kysely";
import { invariant } from "../../../domain/invariant.ts";
import { manifestPlace } from "../../../domain/segment.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { Archive } from "../../../domain/vaults/archive.ts";
import { type AssembledArchive, assertClaimed } from "../../../domain/vaults/multipart-upload.ts";
import type { PermittedVault } from "../../../domain/vaults/permission.ts";
import type { Changes, Queries } from "../methods.ts";
import { literal } from "../prepared.ts";
import { findArchive, insertAndCount } from "./archives.ts";
import { release } from "./releases.ts";
import { changing, removal, sealedInsertion, sealedRow, sealedRows, soundRows } from "./row-macs/sealed-rows.ts";
import { archiveIdOf, segmentOf, uploadOf, uploadRow } from "./rows.ts";
import type { Database, Schema, UploadRow } from "./schema.ts";
import { abandonPending, makeLive, referenced, releaseReplaced } from "./segments.ts";
import { requirePermitted } from "./vaults/vault-contents.ts";

export const uploadQueries = {
  async findUpload(db, at) {
    const row = await selectUpload(db, at);
    return row !== undefined && isOpen(row, at.idleSince) ? uploadOf(row) : null;
  },

  async findUploadRevision(db, at) {
    const row = await selectUpload(db, at);
    return row !== undefined && isOpen(row, at.idleSince)
      ? { upload: uploadOf(row), partsRevision: row.parts_revision }
      : null;
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
  async addUpload(db, { upload, ...permitted }) {
    await requirePermitted(db, { vaultId: upload.vaultId, ...permitted });
    await insertUpload(db, uploadRow(upload));
  },

  async addPart(db, { uploadId, segment, idleSince, now, ...permitted }) {
    const upload = await selectUpload(db, { vaultId: permitted.vaultId, uploadId });
    if (upload === undefined || !isOpen(upload, idleSince)) {
      throw errors.uploadNotFound(uploadId);
    }
    await requirePermitted(db, permitted);
    await touch(db, upload, { active_at: now, parts_revision: upload.parts_revision + 1 });
    invariant(archiveIdOf(upload) === segment.ownerId, "a part belongs to the archive that its upload will make");
    await releaseReplaced(db, { ownerId: segment.ownerId, firstByte: segment.firstByte, now });
    await makeLive(db, segment);
  },

  async completeUpload(db, { uploadId, claim, assembled, idleSince, now, ...permitted }) {
    const upload = await selectUpload(db, { vaultId: permitted.vaultId, uploadId });
    if (upload !== undefined && isOpen(upload, idleSince)) {
      if (assembled?.partsRevision === upload.parts_revision) {
        return makeArchive(db, upload, assembled, permitted, now);
      }
      await abandonManifest(db, assembled);
      return null;
    }
    if (upload?.state !== "completed" || endedBefore(upload, idleSince)) {
      throw errors.uploadNotFound(uploadId);
    }
    const archive = await findArchive(db, archiveIdOf(upload));
    invariant(archive !== null, "a completed upload has made an archive");
    if (archive.deletedAt !== null) {
      throw errors.uploadNotFound(uploadId);
    }
    assertClaimed(archive, claim);
    await abandonManifest(db, assembled);
    return archive;
  },

  async abortUpload(db, { uploadId, idleSince, now, ...permitted }) {
    const upload = await selectUpload(db, { vaultId: permitted.vaultId, uploadId });
    if (upload !== undefined && isOpen(upload, idleSince)) {
      await requirePermitted(db, permitted);
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
    return idle.length;
  },

  async forgetUploads(db, at) {
    const ended = await selectEnded(db, at);
    for (const upload of ended) {
      await deleteUpload(db, upload);
    }
    return ended.length;
  },
} satisfies Partial<Changes>;

/** Drops up to `limit` uploads of a vault that was removed, lets the parts of the open ones go, and returns how many. */
export async function removeUploadsOf(
  db: Database,
  { vaultId, now, limit }: { vaultId: string; now: Instant; limit: number },
): Promise<number> {
  const uploads = await selectOfVault(db, { vaultId, limit });
  for (const upload of uploads) {
    if (upload.state === "open") {
      await release(db, { ownerId: archiveIdOf(upload), now });
    }
    await deleteUpload(db, upload);
  }
  return uploads.length;
}

const open = literal("open");

function isOpen(upload: UploadRow, idleSince: Instant): boolean {
  return upload.state === "open" && upload.active_at >= idleSince;
}

function endedBefore(upload: UploadRow, time: Instant): boolean {
  return upload.ended_at === null || upload.ended_at < time;
}

/** The archive has another one, or gets it with the parts that it will have. */
async function abandonManifest(db: Database, assembled: AssembledArchive | null): Promise<void> {
  if (assembled !== null) {
    await abandonPending(db, assembled.manifest);
  }
}

async function makeArchive(
  db: Database,
  row: UploadRow,
  { sizeBytes, treeHash, manifest }: AssembledArchive,
  permitted: PermittedVault,
  now: Instant,
): Promise<Archive> {
  const upload = uploadOf(row);
  const archive: Archive = {
    id: upload.archiveId,
    vaultId: upload.vaultId,
    description: upload.description,
    sizeBytes,
    treeHash,
    createdAt: now,
    deletedAt: null,
  };
  await insertAndCount(db, archive, permitted);
  invariant(
    manifest.ownerId === archive.id && manifest.firstByte === manifestPlace,
    "an archive's manifest is its own, and lies before its bytes",
  );
  await makeLive(db, manifest);
  await close(db, row, "completed", now);
  return archive;
}

async function end(db: Database, upload: UploadRow, ending: "aborted" | "expired", now: Instant): Promise<void> {
  await close(db, upload, ending, now);
  await release(db, { ownerId: archiveIdOf(upload), now });
}

async function close(db: Database, upload: UploadRow, ending: UploadRow["state"], now: Instant): Promise<void> {
  invariant(upload.state === "open", "an upload ends once");
  await setEnding(db, upload, { state: ending, ended_at: now });
}

const insertUpload = sealedInsertion("uploads");
const touch = changing("uploads", "active_at", "parts_revision");
const setEnding = changing("uploads", "state", "ended_at");
const deleteUpload = removal("uploads");

/** An upload ends with its vault, though its row goes later. */
const inVault = (eb: ExpressionBuilder<Schema, "uploads">) =>
  eb.exists(eb.selectFrom("vaults").select("vaults.id").whereRef("vaults.id", "=", "uploads.vault_id"));

const selectUpload = sealedRow(
  "uploads",
  (db, at: { vaultId: string; uploadId: string }) =>
    db
      .selectFrom("uploads")
      .selectAll()
      .where("id", "=", at.uploadId)
      .where("vault_id", "=", at.vaultId)
      .where(inVault),
  (row, at) => row.id === at.uploadId && row.vault_id === at.vaultId,
);

interface OpenPage {
  vaultId: string;
  idleSince: Instant;
  afterTime: Instant;
  afterId: string;
  limit: number;
}

const selectUploads = sealedRows("uploads", (db, page: OpenPage) =>
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

const selectParts = sealedRows("segments", (db, page: { uploadId: string; afterByte: number; limit: number }) =>
  db
    .selectFrom("uploads")
    .innerJoin("segments", "segments.owner_head", "uploads.archive_head")
    .selectAll("segments")
    .where("uploads.id", "=", page.uploadId)
    .where("uploads.state", "=", open)
    .where("segments.first_byte", ">", page.afterByte)
    .where("segments.state", "in", referenced)
    .orderBy("segments.first_byte")
    .limit(page.limit),
);

const selectIdle = soundRows("uploads", (db, at: { idleSince: Instant; limit: number }) =>
  db
    .selectFrom("uploads")
    .selectAll()
    .where("state", "=", open)
    .where("active_at", "<", at.idleSince)
    .orderBy("active_at")
    .limit(at.limit),
);

const selectEnded = soundRows("uploads", (db, at: { endedBefore: Instant; limit: number }) =>
  db.selectFrom("uploads").selectAll().where("ended_at", "<", at.endedBefore).limit(at.limit),
);

const selectOfVault = soundRows("uploads", (db, at: { vaultId: string; limit: number }) =>
  db.selectFrom("uploads").selectAll().where("vault_id", "=", at.vaultId).limit(at.limit),
);
