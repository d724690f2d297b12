import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { noRoom, type TargetSpace } from "./target-plan.ts";

/**
 * Finds out how much room a target has: that of the disk for a folder, also for one that does not exist yet. Object stores and vaults do not
 * say.
 */
export async function targetSpace(url: string, pathOf: (name: string) => string): Promise<TargetSpace> {
  if (/^s3:\/\//.test(url)) {
    return { url, kind: "s3", ...noRoom };
  }
  if (/^vault:/.test(url)) {
    const isAws = /@(aws:|https?:\/\/[^/:?]*\.amazonaws\.com(\.cn)?([/:?]|$))/.test(url);
    return { url, kind: isAws ? "aws-vault" : "vault", ...noRoom };
  }
  return { url, kind: "folder", ...(await roomAt(resolve(pathOf(url)))) };
}

async function roomAt(path: string): Promise<Pick<TargetSpace, "freeBytes" | "freeFiles" | "blockBytes">> {
  try {
    return roomOf(await statfs(path));
  } catch {
    return dirname(path) === path ? noRoom : roomAt(dirname(path));
  }
}

/** Reads the room from what a file system says of itself. */
export function roomOf({
  bavail,
  blocks,
  bsize,
  files,
  ffree,
}: Pick<StatsFs, "bavail" | "blocks" | "bsize" | "files" | "ffree">) {
  return {
    // Some network file systems do not report their size, and some local ones have no fixed number of files.
    freeBytes: blocks === 0 ? null : bavail * bsize,
    freeFiles: files === 0 ? null : ffree,
    // NFS reports the size of its requests, up to 1 MiB, and ZFS that of its records, of which a small file takes a part.
    blockBytes: bsize > blockBytesMax ? blockBytesUsual : bsize,
  };
}

const blockBytesMax = 64 * 1024;
const blockBytesUsual = 4096;
