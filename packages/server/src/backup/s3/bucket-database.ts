import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { BlobMissingError, type BlobReader } from "../../domain/stores/blob-store.ts";
import type { Bucket } from "../../storage/s3/bucket.ts";
import { databaseName } from "../manifest.ts";
import { openObject } from "./bucket-reader.ts";

/** The most bytes of an object; those of one request are 5 GiB. */
const pieceSizeBytes = 1024 ** 3;
const readBytes = 1024 ** 2;

const folderOf = (name: string): string => `backups/${name}/${databaseName}.`;

/** Stores a database as objects that follow each other in the order of their names. */
export async function putDatabase(bucket: Bucket, name: string, file: string): Promise<void> {
  const { size } = await stat(file);
  for (let start = 0, number = 1; start < size; start += pieceSizeBytes, number += 1) {
    const end = Math.min(start + pieceSizeBytes, size) - 1;
    const stream = () => createReadStream(file, { start, end, highWaterMark: readBytes });
    const digest = createHash("sha256");
    for await (const bytes of stream()) {
      digest.update(bytes);
    }
    const piece = { sizeBytes: end - start + 1, sha256: digest.digest(), stream };
    await bucket.put(`${folderOf(name)}${String(number).padStart(6, "0")}`, piece);
  }
}

/** Fetches a database to a file. False when there is nothing of it; the hash in the manifest tells whether it is whole. */
export async function getDatabase(bucket: Bucket, name: string, file: string): Promise<boolean> {
  let isThere = false;
  for await (const page of bucket.list(folderOf(name))) {
    for (const { key } of page) {
      const reader = await openObject(bucket, key).catch(nullIfMissing);
      if (reader !== null) {
        await pipeline(bytesOf(reader), createWriteStream(file, { flags: isThere ? "a" : "w", mode: 0o600 }));
        isThere = true;
      }
    }
  }
  return isThere;
}

/** It may have expired since it was listed. */
function nullIfMissing(error: unknown): null {
  if (error instanceof BlobMissingError) {
    return null;
  }
  throw error;
}

async function* bytesOf(reader: BlobReader): AsyncGenerator<Uint8Array, void, void> {
  try {
    for (let position = 0; position < reader.sizeBytes; position += readBytes) {
      const bytes = Buffer.allocUnsafe(Math.min(readBytes, reader.sizeBytes - position));
      await reader.read(bytes, position);
      yield bytes;
    }
  } finally {
    await reader.close();
  }
}
