import type * as files from "node:fs/promises";
import { constants } from "node:os";
import { StorageFullError } from "../../domain/stores/blob-store.ts";
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

/** Says a full disk, or a full quota, in the words of the domain; passes every other error on. */
export function toDomainError(error: unknown): unknown {
  if (!isFull(error) || error instanceof StorageFullError) {
    return error;
  }
  return new StorageFullError("The disk is full", { cause: error });
}
