import { errors, limits, millisecondsPer } from "@moraine/protocol";
import type { UploadRequest } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { Archive } from "../domain/vaults/archive.ts";
import { permittedBy } from "../domain/vaults/permission.ts";
import { arnOf } from "../domain/vaults/vault.ts";
import { receiveSegment } from "../segments/receive.ts";
import type { Call, VaultCall, VaultHandler } from "./context.ts";
import { archivePath } from "./locations.ts";
import { assertHex, contentCheck, requireDescription, requireTreeHash } from "./requests/content-claims.ts";

/** For how long a repeated call is recognised. */
const requestMemoryMilliseconds = millisecondsPer.day;

/**
 * Each call makes a new archive, even from the same bytes (docs/wire.md#archives). Only a call that an SDK sends again, because
 * the response was lost, gets the archive that it made before.
 */
export const uploadArchive: VaultHandler<"UploadArchive"> = async (services, input, call) => {
  const { key, body } = call;
  const treeHash = requireTreeHash(input.checksum);
  const sizeBytes = requireSize(call);
  assertHex(treeHash);
  const description = requireDescription(input.archiveDescription);
  const archiveId = services.ids.archiveId();
  return receiveSegment(services, {
    kind: "archive",
    ownerId: archiveId,
    vaultArn: arnOf(key),
    description,
    firstByte: 0,
    sizeBytes,
    body: body.stream,
    check: contentCheck(body.sha256, treeHash),
    async record(segment, createdAt) {
      const request = uploadRequest(call, services.trustedClock.expiryNow());
      const made = await call.permitted((vault) => {
        const archive: Archive = {
          id: archiveId,
          vaultId: vault.id,
          description,
          sizeBytes: segment.sizeBytes,
          treeHash: segment.treeHash,
          createdAt,
          deletedAt: null,
        };
        return services.metadata.addArchive({ ...permittedBy(vault), archive, segment, ...request });
      });
      return { location: archivePath(key, made.id), archiveId: made.id, checksum: made.treeHash };
    },
  });
};

/** Deleting an archive again succeeds; one that never existed is not found: docs/wire.md#archives */
export const deleteArchive: VaultHandler<"DeleteArchive"> = async (
  { metadata, trustedClock },
  { archiveId },
  { permitted },
) => {
  const now = trustedClock.expiryNow();
  await permitted((vault) => metadata.removeArchive({ ...permittedBy(vault), archiveId, now }));
  return {};
};

/** Names the caller, the vault and the content, so that a forged invocation id leads to the caller's own archive only. */
function uploadRequest({ invocationId, callerId, vault, body }: VaultCall, now: Instant): { request?: UploadRequest } {
  if (invocationId === null || !/^[\w-]{8,128}$/.test(invocationId)) {
    return {};
  }
  const key = `UploadArchive/${vault.id}/${callerId}/${invocationId}/${body.sha256.toLowerCase()}`;
  return { request: { key, madeSince: now - requestMemoryMilliseconds } };
}

/** The announced length alone decides, before any of the body has come. */
function requireSize({ body: { sizeBytes } }: Call): number {
  if (sizeBytes === null) {
    throw errors.missingParameter("Content-Length");
  }
  if (sizeBytes < limits.archiveSizeBytesMin || sizeBytes > limits.uploadSizeBytesMax) {
    throw errors.invalidParameter(`Invalid Content-Length: ${sizeBytes}`);
  }
  return sizeBytes;
}
