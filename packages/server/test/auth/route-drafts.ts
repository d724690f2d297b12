import { hash } from "node:crypto";
import { type Operation, type OperationName, operations } from "@moraine/protocol";
import { treeHashOf, unknownArchiveId, unknownId } from "../support/glacier.ts";

/** One request for each of the 33 operations, in itself correct. */
export interface RouteRequest {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const archive = "the bytes of an archive";
const treeHash = treeHashOf(Buffer.from(archive));
const contentHeaders = { "x-amz-content-sha256": hash("sha256", archive), "x-amz-sha256-tree-hash": treeHash };

const headers: Partial<Record<OperationName, Readonly<Record<string, string>>>> = {
  UploadArchive: { ...contentHeaders, "x-amz-archive-description": "a photo" },
  UploadMultipartPart: { ...contentHeaders, "content-range": `bytes 0-${archive.length - 1}/*` },
  InitiateMultipartUpload: { "x-amz-part-size": "1048576", "x-amz-archive-description": "a film" },
  CompleteMultipartUpload: { "x-amz-archive-size": "23", "x-amz-sha256-tree-hash": treeHash },
};

const bodies: Partial<Record<OperationName, string>> = {
  UploadArchive: archive,
  UploadMultipartPart: archive,
  InitiateJob: '{"Type":"inventory-retrieval"}',
  AddTagsToVault: '{"Tags":{"a":"b"}}',
};

/** Values for the members of a path; a test may put others in their place. */
export const pathValues: Readonly<Record<string, string>> = {
  accountId: "-",
  vaultName: "photos",
  archiveId: unknownArchiveId,
  jobId: unknownId,
  uploadId: unknownId,
  lockId: "AE863rKkWZU53SLW5be4DUcW",
};

export function routeRequests(values = pathValues): RouteRequest[] {
  return Object.entries<Operation>(operations).map(([text, operation]) => {
    const name = text as OperationName;
    const path = operation.path.replace(/\{(\w+)\}/g, (_, member: string) => values[member] ?? "-");
    const query = operation.selector === undefined ? "" : `?${new URLSearchParams(operation.selector)}`;
    const body = bodies[name] ?? (operation.request === "json" ? "{}" : "");
    return { name, operation, method: operation.method, path: path + query, headers: headers[name] ?? {}, body };
  });
}
