import { accessKeyChanges, accessKeyQueries } from "./access-keys.ts";
import { accountSettingsChanges, accountSettingsQueries } from "./account-settings.ts";
import { accountChanges, accountQueries } from "./accounts.ts";
import { archiveChanges, archiveQueries } from "./archives.ts";
import { auditChanges, auditQueries } from "./audit.ts";
import { contentsChanges } from "./contents.ts";
import { damageChanges, damageQueries } from "./damage.ts";
import { dataKeyChanges, dataKeyQueries } from "./data-keys.ts";
import { deletedArchiveChanges } from "./deleted-archives.ts";
import { installationChanges } from "./installation.ts";
import { jobChanges, jobQueries } from "./jobs.ts";
import type { Changes, Queries } from "./methods.ts";
import { uploadChanges, uploadQueries } from "./multipart-uploads.ts";
import { notificationChanges, notificationQueries } from "./notifications.ts";
import { releaseChanges } from "./releases.ts";
import { segmentChanges, segmentQueries } from "./segments.ts";
import { trustedTimeChanges, trustedTimeQueries } from "./trusted-time.ts";
import { usedSignatureChanges } from "./used-signatures.ts";
import { userChanges, userQueries } from "./users.ts";
import { vaultSettingsChanges } from "./vault-settings.ts";
import { vaultChanges, vaultQueries } from "./vaults.ts";

/** The compiler refuses these tables while any method of the interface is missing. */
export const queries: Queries = {
  ...vaultQueries,
  ...archiveQueries,
  ...segmentQueries,
  ...uploadQueries,
  ...jobQueries,
  ...notificationQueries,
  ...accountSettingsQueries,
  ...accountQueries,
  ...userQueries,
  ...accessKeyQueries,
  ...dataKeyQueries,
  ...trustedTimeQueries,
  ...damageQueries,
  ...auditQueries,
};

export const changes: Changes = {
  ...vaultChanges,
  ...archiveChanges,
  ...deletedArchiveChanges,
  ...segmentChanges,
  ...releaseChanges,
  ...uploadChanges,
  ...jobChanges,
  ...notificationChanges,
  ...vaultSettingsChanges,
  ...accountSettingsChanges,
  ...accountChanges,
  ...userChanges,
  ...accessKeyChanges,
  ...usedSignatureChanges,
  ...dataKeyChanges,
  ...trustedTimeChanges,
  ...installationChanges,
  ...contentsChanges,
  ...damageChanges,
  ...auditChanges,
};
