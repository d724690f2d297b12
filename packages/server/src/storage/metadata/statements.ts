import { accountSettingsChanges, accountSettingsQueries } from "./account-settings.ts";
import { archiveChanges, archiveQueries } from "./archives.ts";
import { credentialChanges, credentialQueries } from "./credentials.ts";
import { jobChanges, jobQueries } from "./jobs.ts";
import type { Changes, Queries } from "./methods.ts";
import { uploadChanges, uploadQueries } from "./multipart-uploads.ts";
import { segmentChanges, segmentQueries } from "./segments.ts";
import { vaultSettingsChanges } from "./vault-settings.ts";
import { vaultChanges, vaultQueries } from "./vaults.ts";

/** The compiler refuses these tables while any method of the interface is missing. */
export const queries: Queries = {
  ...vaultQueries,
  ...archiveQueries,
  ...segmentQueries,
  ...uploadQueries,
  ...jobQueries,
  ...credentialQueries,
  ...accountSettingsQueries,
};

export const changes: Changes = {
  ...vaultChanges,
  ...archiveChanges,
  ...segmentChanges,
  ...uploadChanges,
  ...jobChanges,
  ...credentialChanges,
  ...vaultSettingsChanges,
  ...accountSettingsChanges,
};
