import {
  errors,
  formatMilliseconds,
  formatRange,
  isPartSize,
  limits,
  parseContentRange,
  rangeLength,
} from "@moraine/protocol";
import { pageLimit, pageOf, readMarker } from "../domain/page.ts";
import type { Segment } from "../domain/segment.ts";
import type { Instant } from "../domain/time/instant.ts";
import { archiveTime } from "../domain/time/trusted-clock.ts";
import { assertPartFits, type MultipartUpload, uploadIdleMilliseconds } from "../domain/vaults/multipart-upload.ts";
import { permittedBy } from "../domain/vaults/permission.ts";
import { arnOf } from "../domain/vaults/vault.ts";
import { receiveSegment } from "../segments/receive.ts";
import { completeUpload } from "./complete-upload.ts";
import type { Services, VaultCall, VaultHandler } from "./context.ts";
import { archivePath, uploadPath } from "./locations.ts";
import {
  assertHex,
  contentCheck,
  requireDescription,
  requireHeader,
  requireTreeHash,
} from "./requests/content-claims.ts";
import { decodeMarker, encodeMarker } from "./requests/page-markers.ts";
import { storeManifest } from "./store-manifest.ts";

export const initiateMultipartUpload: VaultHandler<"InitiateMultipartUpload"> = async (
  services,
  input,
  { key, permitted },
) => {
  const upload: Omit<MultipartUpload, "vaultId"> = {
    id: services.ids.uploadId(),
    archiveId: services.ids.archiveId(),
    partSizeBytes: requirePartSize(input.partSize),
    description: requireDescription(input.archiveDescription),
    createdAt: services.clock.now(),
  };
  await permitted((vault) =>
    services.metadata.addUpload({ ...permittedBy(vault), upload: { ...upload, vaultId: vault.id } }),
  );
  return { location: uploadPath(key, upload.id), uploadId: upload.id };
};

/** Checks everything that the headers say before the first byte is read, in the order of docs/wire.md#multipart-uploads */
export const uploadMultipartPart: VaultHandler<"UploadMultipartPart"> = async (services, input, call) => {
  const { key, body } = call;
  const treeHash = requireTreeHash(input.checksum);
  const contentRange = requireHeader(input.range, "Content-Range");
  assertHex(treeHash);
  const range = parseContentRange(contentRange);
  const upload = await requireUpload(services, call, input.uploadId);
  assertPartFits(upload, { range, header: contentRange, sizeBytes: body.sizeBytes });
  const length = rangeLength(range);
  const check = contentCheck(body.sha256, treeHash);
  return receiveSegment(services, {
    kind: "part",
    ownerId: upload.archiveId,
    vaultArn: arnOf(key),
    description: upload.description,
    firstByte: range.firstByte,
    sizeBytes: length,
    body: atMost(body.stream, length, (seen) => errors.contentRangeMismatch(contentRange, seen)),
    check(sizeBytes, digest) {
      if (sizeBytes !== length) {
        throw errors.contentRangeMismatch(contentRange, sizeBytes);
      }
      check(sizeBytes, digest);
    },
    async record(segment) {
      const finishedAt = services.trustedClock.expiryNow();
      const part = { uploadId: upload.id, segment, idleSince: finishedAt - uploadIdleMilliseconds, now: finishedAt };
      await call.permitted((vault) => services.metadata.addPart({ ...permittedBy(vault), ...part }));
      return { checksum: segment.treeHash };
    },
  });
};

/** Copies nothing: the archive is the list of its parts. A repeated call gets the same archive (docs/wire.md#multipart-uploads). */
export const completeMultipartUpload: VaultHandler<"CompleteMultipartUpload"> = async (
  services,
  input,
  { key, permitted },
) => {
  const treeHash = requireTreeHash(input.checksum);
  const sizeBytes = requireArchiveSize(input.archiveSize);
  assertHex(treeHash);
  const now = archiveTime(services);
  const archive = await permitted((vault) =>
    completeUpload(
      services.metadata,
      {
        ...permittedBy(vault),
        uploadId: input.uploadId,
        claim: { sizeBytes, treeHash },
        idleSince: idleSince(services),
        now,
      },
      (unlisted, record) => storeManifest(services, { unlisted, vaultArn: arnOf(key), createdAt: now, record }),
    ),
  );
  return { location: archivePath(key, archive.id), archiveId: archive.id, checksum: archive.treeHash };
};

export const abortMultipartUpload: VaultHandler<"AbortMultipartUpload"> = async (
  services,
  { uploadId },
  { permitted },
) => {
  const now = services.trustedClock.expiryNow();
  const end = { uploadId, idleSince: now - uploadIdleMilliseconds, now };
  await permitted((vault) => services.metadata.abortUpload({ ...permittedBy(vault), ...end }));
  return {};
};

export const listParts: VaultHandler<"ListParts"> = async (services, input, call) => {
  const limit = pageLimit(input.limit, limits.pageMax);
  const afterByte = readMarker(input.marker, firstByteOf);
  const upload = await requireUpload(services, call, input.uploadId);
  const { rows, marker } = await pageOf(
    limit,
    (most) => services.metadata.listParts({ uploadId: upload.id, afterByte, limit: most }),
    (last) => String(last.firstByte),
  );
  // An upload that ended meanwhile has no parts any more: an empty page would say that it never had any.
  await requireUpload(services, call, upload.id);
  return {
    ArchiveDescription: upload.description || null,
    CreationDate: formatMilliseconds(new Date(upload.createdAt)),
    Marker: marker,
    MultipartUploadId: upload.id,
    PartSizeInBytes: upload.partSizeBytes,
    Parts: rows.map((part) => ({ RangeInBytes: formatRange(rangeOf(part)), SHA256TreeHash: part.treeHash })),
    VaultARN: arnOf(call.key),
  };
};

export const listMultipartUploads: VaultHandler<"ListMultipartUploads"> = async (services, input, { key, vault }) => {
  const limit = pageLimit(input.limit, limits.pageMax);
  const after = decodeMarker(input.marker);
  const { rows, marker } = await pageOf(
    limit,
    (most) => services.metadata.listUploads({ vaultId: vault.id, idleSince: idleSince(services), after, limit: most }),
    encodeMarker,
  );
  return {
    Marker: marker,
    UploadsList: rows.map((upload) => ({
      ArchiveDescription: upload.description || null,
      CreationDate: formatMilliseconds(new Date(upload.createdAt)),
      MultipartUploadId: upload.id,
      PartSizeInBytes: upload.partSizeBytes,
      VaultARN: arnOf(key),
    })),
  };
};

/** Uploads that were last active before this moment are expired, for upkeep as for clients. */
const idleSince = ({ trustedClock }: Services): Instant => trustedClock.expiryNow() - uploadIdleMilliseconds;

async function requireUpload(services: Services, { vault }: VaultCall, uploadId: string): Promise<MultipartUpload> {
  const at = { vaultId: vault.id, uploadId, idleSince: idleSince(services) };
  const upload = await services.metadata.findUpload(at);
  if (upload === null) {
    throw errors.uploadNotFound(uploadId);
  }
  return upload;
}

/** AWS's message names a missing header as null: docs/wire.md#multipart-uploads */
function requirePartSize(partSize: string | undefined): number {
  const sizeBytes = /^[0-9]{1,10}$/.test(partSize ?? "") ? Number(partSize) : 0;
  if (!isPartSize(sizeBytes)) {
    throw errors.invalidPartSize(partSize ?? null);
  }
  return sizeBytes;
}

function requireArchiveSize(archiveSize: string | undefined): number {
  const text = requireHeader(archiveSize, "Archive size");
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw errors.invalidParameter(`Invalid x-amz-archive-size: ${text}`);
  }
  return Number(text);
}

/** Parts lie at multiples of the part size, so a part's first byte is position enough. */
const firstByteOf = (marker: string): number | undefined => (/^[0-9]{1,15}$/.test(marker) ? Number(marker) : undefined);

function rangeOf({ firstByte, sizeBytes }: Segment) {
  return { firstByte, lastByte: firstByte + sizeBytes - 1 };
}

/** Passes a body on until it proves longer than it may be: one without an announced length is judged as it comes. */
async function* atMost(
  body: AsyncIterable<Uint8Array>,
  sizeBytesMax: number,
  error: (seenBytes: number) => Error,
): AsyncGenerator<Uint8Array, void, void> {
  let seenBytes = 0;
  for await (const piece of body) {
    seenBytes += piece.length;
    if (seenBytes > sizeBytesMax) {
      throw error(seenBytes);
    }
    yield piece;
  }
}
