import { secondsPer } from "./durations.ts";

const mebibyte = 1024 ** 2;
const gibibyte = 1024 ** 3;

/**
 * The limits of the vault API. Lengths count characters, and so bytes, since those strings are ASCII. The server's limits on HTTP are in
 * its `http/connections/limits.ts`.
 */
export const limits = {
  vaultsPerAccountMax: 1000,
  vaultNameLengthMax: 255,

  /** By multipart upload: 10,000 parts of 4 GiB. */
  archiveSizeBytesMax: 10_000 * 4 * gibibyte,
  archiveSizeBytesMin: 1,
  /** By UploadArchive, in one request. */
  uploadSizeBytesMax: 4 * gibibyte,
  /** Added to a vault's size for each archive, for the service's own records. */
  archiveOverheadBytes: 32_768,
  /** Descriptions of archives and of jobs. */
  descriptionLengthMax: 1024,

  partCountMax: 10_000,
  partSizeBytesMin: mebibyte,
  partSizeBytesMax: 4 * gibibyte,
  uploadIdleSeconds: secondsPer.day,

  /** Page of ListVaults; a greater `limit` is lowered to this, silently. */
  vaultsPageMax: 10,
  /** Page of ListJobs, ListParts and ListMultipartUploads, likewise. */
  pageMax: 50,

  jobOutputRetentionSeconds: secondsPer.day,
  /** Jobs in progress of one account. AWS documents no such limit. */
  jobsInProgressMax: 10_000,

  tagsPerVaultMax: 50,
  tagsPerRequestMax: 10,
  tagKeyLengthMax: 128,
  tagValueLengthMax: 255,

  /** Vault access policies and vault lock policies. */
  policySizeBytesMax: 20_480,
  lockWindowSeconds: secondsPer.day,
  capacityUnitsMax: 2,

  jsonDepthMax: 32,

  clockSkewSeconds: 5 * secondsPer.minute,
  presignedSecondsMin: 1,
  presignedSecondsMax: 7 * secondsPer.day,
} as const;

/** Glacier developer guide: a mebibyte multiplied by a power of two, from 1 MiB to 4 GiB. */
export function isPartSize(sizeBytes: number): boolean {
  for (let allowed: number = limits.partSizeBytesMin; allowed <= limits.partSizeBytesMax; allowed *= 2) {
    if (sizeBytes === allowed) return true;
  }
  return false;
}

/** Glacier developer guide: at most 1,024 printable ASCII characters, 0x20 to 0x7E; none at all is allowed. */
export function isDescription(text: string): boolean {
  return text.length <= limits.descriptionLengthMax && /^[\x20-\x7e]*$/.test(text);
}
