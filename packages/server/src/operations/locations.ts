import type { VaultKey } from "../domain/vaults/vault.ts";

/** Paths for `Location`: they have the real account id, never `-` (docs/wire.md#paths-and-accounts). */
export const vaultPath = (key: VaultKey): string => `/${key.accountId}/vaults/${key.vaultName}`;
export const archivePath = (key: VaultKey, archiveId: string): string => `${vaultPath(key)}/archives/${archiveId}`;
export const uploadPath = (key: VaultKey, uploadId: string): string =>
  `${vaultPath(key)}/multipart-uploads/${uploadId}`;
export const jobPath = (key: VaultKey, jobId: string): string => `${vaultPath(key)}/jobs/${jobId}`;
