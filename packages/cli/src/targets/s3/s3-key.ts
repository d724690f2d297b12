import { hash } from "node:crypto";
import { assertInnerPath } from "../folder/inner-path.ts";

const keyBytesMax = 1024;
const digestLength = 16;

/** Returns the key of a path below the prefix: the path itself, unless S3 does not allow a key of its length. */
export function keyOf(path: string, prefix: string): string {
  assertInnerPath(path);
  const roomBytes = keyBytesMax - Buffer.byteLength(prefix);
  if (Buffer.byteLength(path) <= roomBytes) {
    return path;
  }
  const kept = Buffer.alloc(Math.max(0, roomBytes - digestLength - 1));
  // Writes whole characters only.
  const keptBytes = kept.write(path);
  return `${kept.subarray(0, keptBytes).toString()}~${hash("sha256", path).slice(0, digestLength)}`;
}
