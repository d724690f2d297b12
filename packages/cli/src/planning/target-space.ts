import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { TargetSpace } from "./target-plan.ts";

/**
 * Finds out how much room a target has: that of the disk for a folder, also for one that does not exist yet. Object stores and vaults do not
 * say.
 */
export async function targetSpace(url: string, pathOf: (name: string) => string): Promise<TargetSpace> {
  if (/^s3:\/\//.test(url)) {
    return { url, kind: "s3", freeBytes: null };
  }
  if (/^vault:/.test(url)) {
    const isAws = /@(aws:|https?:\/\/[^/:?]*\.amazonaws\.com(\.cn)?([/:?]|$))/.test(url);
    return { url, kind: isAws ? "aws-vault" : "vault", freeBytes: null };
  }
  return { url, kind: "folder", freeBytes: await freeBytesAt(resolve(pathOf(url))) };
}

async function freeBytesAt(path: string): Promise<number | null> {
  try {
    const { bavail, blocks, bsize } = await statfs(path);
    // Some network file systems do not report their size.
    return blocks === 0 ? null : bavail * bsize;
  } catch {
    return dirname(path) === path ? null : freeBytesAt(dirname(path));
  }
}
