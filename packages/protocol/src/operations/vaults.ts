import {
  type AccountInput,
  type EmptyOutput,
  type Operation,
  type PageInput,
  pageQuery,
  type VaultInput,
} from "./operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const vaultOperations = {
  CreateVault:   { method: "PUT",    path: "/{accountId}/vaults/{vaultName}", status: 201, request: "none", response: "none", account: "own", vault: "named", resource: "vault", policies: "identity", responseHeaders: { location: "Location" } },
  DescribeVault: { method: "GET",    path: "/{accountId}/vaults/{vaultName}", status: 200, request: "none", response: "json", account: "owner", vault: "exists", resource: "vault", policies: "all" },
  DeleteVault:   { method: "DELETE", path: "/{accountId}/vaults/{vaultName}", status: 204, request: "none", response: "none", account: "owner", vault: "named", resource: "vault", policies: "all" },
  ListVaults:    { method: "GET",    path: "/{accountId}/vaults",             status: 200, request: "none", response: "json", account: "own", vault: "none", resource: "any", policies: "identity", query: pageQuery },
} as const satisfies Record<string, Operation>;

export interface VaultShapes {
  CreateVault: { input: VaultInput; output: CreateVaultOutput };
  DescribeVault: { input: VaultInput; output: DescribeVaultOutput };
  DeleteVault: { input: VaultInput; output: EmptyOutput };
  ListVaults: { input: ListVaultsInput; output: ListVaultsOutput };
}

export interface CreateVaultOutput {
  /** `/{accountId}/vaults/{vaultName}`, with the account's real digits. */
  readonly location: string;
}

export interface DescribeVaultOutput {
  /** ISO 8601 with milliseconds, in UTC, as all dates here. */
  readonly CreationDate: string;
  /** Null before the first inventory. */
  readonly LastInventoryDate: string | null;
  readonly NumberOfArchives: number;
  /** Bytes of the archives plus the service's overhead for each. */
  readonly SizeInBytes: number;
  readonly VaultARN: string;
  readonly VaultName: string;
}

export interface ListVaultsInput extends AccountInput, PageInput {}

export interface ListVaultsOutput {
  /** ARN of the last vault on this page; null when no more follow. */
  readonly Marker: string | null;
  readonly VaultList: readonly DescribeVaultOutput[];
}
