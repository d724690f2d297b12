import type { NewAccessKey } from "./access-keys.ts";
import {
  type AdminOperation,
  type AdminPageInput,
  type AdminPageOutput,
  type NoOutput,
  pageQuery,
} from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const accountOperations = {
  CreateAccount: { method: "POST",   path: "/admin/accounts",                       status: 201, scope: "service", resource: "any", request: "json", response: "json", refusesSessions: true },
  ListAccounts:  { method: "GET",    path: "/admin/accounts",                       status: 200, scope: "service", resource: "any", request: "none", response: "json", query: pageQuery },
  DeleteAccount: { method: "DELETE", path: "/admin/accounts/{accountId}",           status: 204, scope: "service", resource: "any", request: "none", response: "none", refusesSessions: true },
  CreateRootKey: { method: "POST",   path: "/admin/accounts/{accountId}/root-keys", status: 201, scope: "service", resource: "any", request: "none", response: "json", refusesSessions: true },
} as const satisfies Record<string, AdminOperation>;

export interface AccountShapes {
  CreateAccount: { input: CreateAccountInput; output: CreateAccountOutput };
  ListAccounts: { input: AdminPageInput; output: ListAccountsOutput };
  DeleteAccount: { input: NamedAccountInput; output: NoOutput };
  /** For an account whose root has lost its keys. */
  CreateRootKey: { input: NamedAccountInput; output: NewAccessKey };
}

/** As sent, so it may be no account's id. */
export interface NamedAccountInput {
  readonly accountId: string;
}

export interface CreateAccountInput {
  /** 12 digits. @default random */
  readonly AccountId?: string | undefined;
}

export interface AccountDescription {
  readonly AccountId: string;
  /** ISO 8601 with milliseconds, in UTC, as all dates here. */
  readonly CreationDate: string;
}

export interface CreateAccountOutput extends AccountDescription {
  /** The root's first key. */
  readonly AccessKey: NewAccessKey;
}

export interface ListAccountsOutput extends AdminPageOutput {
  readonly Accounts: readonly AccountDescription[];
}
