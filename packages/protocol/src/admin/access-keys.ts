import {
  type AdminOperation,
  type AdminPageInput,
  type AdminPageOutput,
  type NoOutput,
  pageQuery,
} from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const accessKeyOperations = {
  CreateAccessKey: { method: "POST",   path: "/admin/access-keys",               status: 201, scope: "account", resource: "principal", request: "none", response: "json", query: ["userName"], refusesSessions: true },
  ListAccessKeys:  { method: "GET",    path: "/admin/access-keys",               status: 200, scope: "account", resource: "principal", request: "none", response: "json", query: ["userName", ...pageQuery] },
  UpdateAccessKey: { method: "PUT",    path: "/admin/access-keys/{accessKeyId}", status: 204, scope: "account", resource: "principal", request: "json", response: "none", query: ["userName"], refusesSessions: true },
  DeleteAccessKey: { method: "DELETE", path: "/admin/access-keys/{accessKeyId}", status: 204, scope: "account", resource: "principal", request: "none", response: "none", query: ["userName"], refusesSessions: true },
} as const satisfies Record<string, AdminOperation>;

export interface AccessKeyShapes {
  CreateAccessKey: { input: KeyOwnerInput; output: NewAccessKey };
  ListAccessKeys: { input: KeyOwnerInput & AdminPageInput; output: ListAccessKeysOutput };
  UpdateAccessKey: { input: NamedKeyInput & { readonly Status: AccessKeyStatus }; output: NoOutput };
  /** Also ends a session. */
  DeleteAccessKey: { input: NamedKeyInput; output: NoOutput };
}

export interface KeyOwnerInput {
  /** Left out, it is the account's root, whose keys only the root itself may see or change. */
  readonly userName?: string | undefined;
}

export interface NamedKeyInput extends KeyOwnerInput {
  readonly accessKeyId: string;
}

export const accessKeyStatuses = ["Active", "Inactive"] as const;
export type AccessKeyStatus = (typeof accessKeyStatuses)[number];

export interface NewAccessKey {
  readonly AccessKeyId: string;
  /** Shown this once: only its sealed form is kept. */
  readonly SecretAccessKey: string;
  /** Null is the account's root. */
  readonly UserName: string | null;
}

export interface AccessKeyDescription {
  readonly AccessKeyId: string;
  readonly Status: AccessKeyStatus;
  readonly UserName: string | null;
  readonly CreationDate: string;
}

export interface ListAccessKeysOutput extends AdminPageOutput {
  readonly AccessKeys: readonly AccessKeyDescription[];
}
