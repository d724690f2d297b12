import { type ArchiveCreationOutput, archiveCreationHeaders } from "./archives.ts";
import { type EmptyOutput, type Operation, type PageInput, pageQuery, type VaultInput } from "./operation.ts";

const archiveDescription = "x-amz-archive-description";
const checksum = "x-amz-sha256-tree-hash";

// biome-ignore format: one line per operation reads as a table.
export const multipartUploadOperations = {
  InitiateMultipartUpload: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/multipart-uploads",            status: 201, request: "none",  response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all", headers: { archiveDescription, partSize: "x-amz-part-size" }, responseHeaders: { location: "Location", uploadId: "x-amz-multipart-upload-id" } },
  UploadMultipartPart:     { method: "PUT",    path: "/{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId}", status: 204, request: "bytes", response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all", headers: { range: "Content-Range", checksum }, responseHeaders: { checksum } },
  CompleteMultipartUpload: { method: "POST",   path: "/{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId}", status: 201, request: "none",  response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all", headers: { archiveSize: "x-amz-archive-size", checksum }, responseHeaders: archiveCreationHeaders },
  AbortMultipartUpload:    { method: "DELETE", path: "/{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId}", status: 204, request: "none",  response: "none", account: "owner", vault: "exists", resource: "vault", policies: "all" },
  ListParts:               { method: "GET",    path: "/{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId}", status: 200, request: "none",  response: "json", account: "owner", vault: "exists", resource: "vault", policies: "all", query: pageQuery },
  ListMultipartUploads:    { method: "GET",    path: "/{accountId}/vaults/{vaultName}/multipart-uploads",            status: 200, request: "none",  response: "json", account: "owner", vault: "exists", resource: "vault", policies: "all", query: pageQuery },
} as const satisfies Record<string, Operation>;

export interface MultipartUploadShapes {
  InitiateMultipartUpload: { input: InitiateMultipartUploadInput; output: InitiateMultipartUploadOutput };
  UploadMultipartPart: { input: UploadMultipartPartInput; output: UploadMultipartPartOutput };
  CompleteMultipartUpload: { input: CompleteMultipartUploadInput; output: ArchiveCreationOutput };
  AbortMultipartUpload: { input: UploadInput; output: EmptyOutput };
  ListParts: { input: ListPartsInput; output: ListPartsOutput };
  ListMultipartUploads: { input: ListMultipartUploadsInput; output: ListMultipartUploadsOutput };
}

export interface UploadInput extends VaultInput {
  /** As InitiateMultipartUpload returned it. */
  readonly uploadId: string;
}

export interface InitiateMultipartUploadInput extends VaultInput {
  /** Up to 1,024 printable ASCII characters; the inventory lists it. */
  readonly archiveDescription?: string | undefined;
  /** Bytes, in decimal digits. */
  readonly partSize?: string | undefined;
}

export interface InitiateMultipartUploadOutput {
  /** `/{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId}`. */
  readonly location: string;
  readonly uploadId: string;
}

export interface UploadMultipartPartInput extends UploadInput {
  /** `bytes {first}-{last}/*`. */
  readonly range?: string | undefined;
  /** Tree hash of this part alone. */
  readonly checksum?: string | undefined;
}

export interface UploadMultipartPartOutput {
  readonly checksum: string;
}

export interface CompleteMultipartUploadInput extends UploadInput {
  /** Bytes of the whole archive, in decimal digits. */
  readonly archiveSize?: string | undefined;
  /** Tree hash of the whole archive. */
  readonly checksum?: string | undefined;
}

export interface ListPartsInput extends UploadInput, PageInput {}

export interface ListPartsOutput {
  readonly ArchiveDescription: string | null;
  readonly CreationDate: string;
  readonly Marker: string | null;
  readonly MultipartUploadId: string;
  readonly PartSizeInBytes: number;
  /** In the order of their ranges. */
  readonly Parts: readonly PartListElement[];
  readonly VaultARN: string;
}

export interface PartListElement {
  /** `{first}-{last}`, without a unit. */
  readonly RangeInBytes: string;
  readonly SHA256TreeHash: string;
}

export interface ListMultipartUploadsInput extends VaultInput, PageInput {}

export interface ListMultipartUploadsOutput {
  readonly Marker: string | null;
  readonly UploadsList: readonly UploadListElement[];
}

export interface UploadListElement {
  readonly ArchiveDescription: string | null;
  readonly CreationDate: string;
  readonly MultipartUploadId: string;
  readonly PartSizeInBytes: number;
  readonly VaultARN: string;
}
