import { systemClock } from "../../clock/clocks.ts";
import type { BlobDriver } from "../../domain/stores/blob-store.ts";
import { callLimits } from "../../storage/blobs/s3/calls.ts";
import { Objects } from "../../storage/blobs/s3/objects.ts";
import { S3BlobStore } from "../../storage/blobs/s3/s3-blob-store.ts";
import { assertBound } from "../../storage/bucket-binding.ts";
import { isQuarantined } from "../../storage/history/quarantine.ts";
import { openPostgresRows } from "../../storage/metadata/postgres/postgres-rows.ts";
import type { PagedRows, RowReader } from "../../storage/metadata/row-reader.ts";
import { pagedRowsOf } from "../../storage/metadata/sqlite/sqlite-rows.ts";
import { readBinding } from "../../storage/s3/binding-file.ts";
import { Bucket } from "../../storage/s3/bucket.ts";
import { connectBucket } from "../../storage/s3/connection.ts";
import { type OpenedFolder, type OpenOptions, openFolder } from "../open-folder.ts";
import { assertSchema } from "../schema.ts";
import type { PlaceArguments } from "./place-arguments.ts";

/** The metadata and the bucket of a service, which are read and never changed. */
export interface BucketPlace extends AsyncDisposable {
  readonly rows: RowReader & PagedRows;
  readonly blobs: BlobDriver;
  readonly bucket: Bucket;
  /** Null for a cluster. */
  readonly folder: OpenedFolder | null;
  /** Whether a mark keeps the object of this key though nothing refers to it. */
  isKept(key: string): boolean;
}

/** Opens both, and throws unless they are bound to each other: every object of another bucket would be a finding. */
export async function openBucketPlace(
  { metadata, bucket: url }: PlaceArguments,
  options: OpenOptions,
): Promise<BucketPlace> {
  const opened = new AsyncDisposableStack();
  try {
    const folder = "folder" in metadata ? await openWithBucket(metadata.folder, options) : null;
    opened.defer(() => folder?.[Symbol.asyncDispose]());
    const rows = "database" in metadata ? opened.use(await openPostgresRows(metadata.database)) : rowsOf(folder);
    const connection = await connectBucket(url, callLimits);
    const blobs = new S3BlobStore(new Objects(connection), { now: () => systemClock.now() });
    opened.defer(() => blobs.close());
    const bucket = new Bucket(connection);
    await assertBound(rows, bucket);
    return {
      ...{ rows, blobs, bucket, folder },
      isKept: (key) => folder !== null && isQuarantined(folder.path, key),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

async function openWithBucket(path: string, options: OpenOptions): Promise<OpenedFolder> {
  const folder = await openFolder(path, { ...options, isBucketAllowed: true });
  try {
    assertSchema(folder);
    return folder;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

function rowsOf(folder: OpenedFolder | null): RowReader & PagedRows {
  if (folder === null) {
    throw new Error("There is neither a data folder nor a database");
  }
  const { path, database } = folder;
  return { name: path, bindings: { read: async () => readBinding(path) }, ...pagedRowsOf(database) };
}
