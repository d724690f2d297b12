import type { EmptyOutput, Operation, VaultInput } from "./operation.ts";

const archiveDescription = "x-amz-archive-description";
const checksum = "x-amz-sha256-tree-hash";

/** Uploads in one request and in parts create an archive with the same response. */
export const archiveCreationHeaders = { location: "Location", archiveId: "x-amz-archive-id", checksum } as const;

// biome-ignore format: one line per operation reads as a table.
export const archiveOperations = {
  UploadArchive: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/archives",             status: 201, request: "bytes", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all", headers: { archiveDescription, checksum }, responseHeaders: archiveCreationHeaders },
  DeleteArchive: { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/archives/{archiveId}", status: 204, request: "none",  response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all" },
} as const satisfies Record<string, Operation>;

export interface ArchiveShapes {
  UploadArchive: { input: UploadArchiveInput; output: ArchiveCreationOutput };
  DeleteArchive: { input: DeleteArchiveInput; output: EmptyOutput };
}

export interface UploadArchiveInput extends VaultInput {
  /** Up to 1,024 printable ASCII characters; the inventory lists it. */
  readonly archiveDescription?: string | undefined;
  /** Tree hash of the body. The service requires it, but only after it has found the vault. */
  readonly checksum?: string | undefined;
}

/** Also what CompleteMultipartUpload gives. */
export interface ArchiveCreationOutput {
  /** `/{accountId}/vaults/{vaultName}/archives/{archiveId}`. */
  readonly location: string;
  readonly archiveId: string;
  /** Tree hash, as the service computed it. */
  readonly checksum: string;
}

export interface DeleteArchiveInput extends VaultInput {
  /** As the upload returned it; it may begin with a dash. */
  readonly archiveId: string;
}
