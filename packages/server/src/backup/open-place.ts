import { openBucket } from "../storage/s3/bucket.ts";
import { parseBucketUrl } from "../storage/s3/bucket-url.ts";
import { openFolderForBackup, openFolderForReading } from "./folder/folder-place.ts";
import type { BackupPlace } from "./place.ts";
import { type BucketOptions, openBucketForBackup, openBucketForReading } from "./s3/bucket-place.ts";

/** Opens a folder or a bucket to make a backup of a data folder in it. */
export async function openPlaceForBackup(
  given: string,
  dataFolder: string,
  options: BucketOptions,
): Promise<BackupPlace> {
  const url = parseBucketUrl(given);
  return url === null ? openFolderForBackup(given, dataFolder) : openBucketForBackup(await openBucket(url), options);
}

/** Opens a folder or a bucket to read what is in it. */
export async function openPlaceForReading(given: string, options: BucketOptions): Promise<BackupPlace> {
  const url = parseBucketUrl(given);
  return url === null ? openFolderForReading(given) : openBucketForReading(await openBucket(url), options);
}
