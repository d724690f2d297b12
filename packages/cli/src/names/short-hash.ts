import { createHash } from "node:crypto";

/** Twelve hexadecimal digits that tell names apart which were cut to the same. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
