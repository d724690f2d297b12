import type * as files from "node:fs/promises";
import { constants } from "node:os";
import { BlobMissingError, BlobStoreUnavailableError, StorageFullError } from "../../domain/stores/blob-store.ts";
import { errorCode } from "../../files/missing.ts";

/** The calls through which every byte of this driver passes, so that a test can make any one of them fail. */
export type Disk = Pick<typeof files, "link" | "mkdir" | "open" | "readdir" | "rm" | "stat" | "statfs" | "unlink">;

/** Whether the disk itself, or a quota, refused bytes. Node has no code for a quota's error, only its number. */
export function isOutOfSpace(error: unknown): boolean {
  const quotaExhausted = -constants.errno.EDQUOT;
  return errorCode(error) === "ENOSPC" || (error as NodeJS.ErrnoException | undefined)?.errno === quotaExhausted;
}

export function isFull(error: unknown): boolean {
  return error instanceof StorageFullError || isOutOfSpace(error);
}

/** Says in the words of the domain that the disk or a quota is full, or that no more files can be open; passes every other error on. */
export function toDomainError(error: unknown): unknown {
  return isOutOfSpace(error) ? new StorageFullError("The disk is full", { cause: error }) : toReadError(error);
}

/** Like `toDomainError`, for a blob that is opened for reading, which needs no room. */
export function toOpenError(key: string, error: unknown): unknown {
  return errorCode(error) === "ENOENT" ? new BlobMissingError(key, { cause: error }) : toReadError(error);
}

/** The process, or the machine, has no descriptor left. That passes, and says nothing about the blob. */
function toReadError(error: unknown): unknown {
  const code = errorCode(error);
  return code === "EMFILE" || code === "ENFILE"
    ? new BlobStoreUnavailableError(`Too many files are open (${code})`, { cause: error })
    : error;
}
