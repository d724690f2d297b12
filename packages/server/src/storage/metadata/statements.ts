import { contentsChanges } from "./contents.ts";
import type { Changes, Queries } from "./methods.ts";
import { accountSettingsChanges, accountSettingsQueries } from "./tables/account-settings.ts";
import { archiveChanges, archiveQueries } from "./tables/archives.ts";
import { auditChanges, auditQueries } from "./tables/audit.ts";
import { damageChanges, damageQueries } from "./tables/damage.ts";
import { deletedArchiveChanges } from "./tables/deleted-archives.ts";
import { accessKeyChanges, accessKeyQueries } from "./tables/identities/access-keys.ts";
import { accountChanges, accountQueries } from "./tables/identities/accounts.ts";
import { dataKeyChanges, dataKeyQueries } from "./tables/identities/data-keys.ts";
import { usedSignatureChanges } from "./tables/identities/used-signatures.ts";
import { userChanges, userQueries } from "./tables/identities/users.ts";
import { installationChanges } from "./tables/installation.ts";
import { jobChanges, jobQueries } from "./tables/jobs/jobs.ts";
import { notificationChanges, notificationQueries } from "./tables/jobs/notifications.ts";
import { uploadChanges, uploadQueries } from "./tables/multipart-uploads.ts";
import { releaseChanges } from "./tables/releases.ts";
import { scrubChanges, scrubQueries } from "./tables/scrub.ts";
import { segmentChanges, segmentQueries } from "./tables/segments.ts";
import { trustedTimeChanges, trustedTimeQueries } from "./tables/trusted-time.ts";
import { contentsQueries } from "./tables/vaults/contents-figures.ts";
import { vaultSettingsChanges } from "./tables/vaults/vault-settings.ts";
import { vaultChanges, vaultQueries } from "./tables/vaults/vaults.ts";

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
  ...scrubQueries,
  ...contentsQueries,
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
  ...scrubChanges,
  ...auditChanges,
};
