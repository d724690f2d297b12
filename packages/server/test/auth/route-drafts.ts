import { hash } from "node:crypto";
import {
  type AdminOperationName,
  adminOperations,
  type Operation,
  type OperationName,
  operations,
} from "@moraine/protocol";
import { adminRequest, allow, policy } from "../support/admin.ts";
import { treeHashOf, unknownArchiveId, unknownId } from "../support/glacier.ts";
import { policyFor } from "../support/policies.ts";

/** A request that is in itself correct. */
export interface DraftRequest {
  readonly name: string;
  /** The service that it is signed for. */
  readonly service: "glacier" | "moraine";
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** For one of the 33 operations. */
export interface RouteRequest extends DraftRequest {
  readonly name: OperationName;
  readonly operation: Operation;
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
  RemoveTagsFromVault: '{"TagKeys":["a"]}',
  SetVaultNotifications: JSON.stringify({
    SNSTopic: "arn:aws:sns:us-east-1:012345678901:other",
    Events: ["InventoryRetrievalCompleted"],
  }),
  SetVaultAccessPolicy: JSON.stringify({ Policy: policyFor("photos", { Sid: "other" }) }),
  InitiateVaultLock: JSON.stringify({ Policy: policyFor("photos", { Sid: "other" }) }),
  SetDataRetrievalPolicy: '{"Policy":{"Rules":[{"Strategy":"FreeTier"}]}}',
};

/** Values for the fields of a path; a test may put others in their place. */
export const pathValues: Readonly<Record<string, string>> = {
  accountId: "-",
  vaultName: "photos",
  archiveId: unknownArchiveId,
  jobId: unknownId,
  uploadId: unknownId,
  lockId: "AE863rKkWZU53SLW5be4DUcW",
};

const version = { "x-amz-glacier-version": "2012-06-01" };

/** One for each of the 33 operations. */
export function routeRequests(values = pathValues): RouteRequest[] {
  return Object.entries<Operation>(operations).map(([text, operation]) => {
    const name = text as OperationName;
    const path = operation.path.replace(/\{(\w+)\}/g, (_, member: string) => values[member] ?? "-");
    const query = operation.selector === undefined ? "" : `?${new URLSearchParams(operation.selector)}`;
    const body = bodies[name] ?? (operation.request === "json" ? "{}" : "");
    const { method } = operation;
    return {
      name,
      operation,
      service: "glacier",
      method,
      path: path + query,
      headers: { ...version, ...headers[name] },
      body,
    };
  });
}

const adminBodies: Partial<Record<AdminOperationName, object>> = {
  CreateAccount: { AccountId: "777777777777" },
  UpdateAccessKey: { Status: "Inactive" },
  CreateSession: {},
  PutUserPolicy: { Policy: policy(allow("*")) },
  SimulatePolicy: { Action: "glacier:ListVaults" },
  AdvanceClock: { Seconds: 3600 },
};

/** One for each operation of the admin API. @param fields for their paths and queries */
export function adminRouteRequests(members: Readonly<Record<string, string>>): DraftRequest[] {
  return (Object.keys(adminOperations) as AdminOperationName[]).map((name) => {
    const { method, path, body = "" } = adminRequest(name, { members, body: adminBodies[name] });
    return { name, service: "moraine", method, path, headers: {}, body };
  });
}
