import { decodeName } from "../names/decode-name.ts";
import { type DescriptionFormat, describeFile } from "../names/file-description.ts";
import type { LocalFile } from "./local-entry.ts";

/** A file with the description that its archive gets, and the path that is decoded from it. */
export interface DescribedFile extends LocalFile {
  readonly description: string;
  readonly decodedPath: string;
}

/** Returns null for a path that no description can hold. */
export function described(file: LocalFile, format: DescriptionFormat): DescribedFile | null {
  const description = describeFile(file, format);
  const decodedPath = description === null ? "" : decodeName(description).path;
  return description === null || decodedPath === "" ? null : { ...file, description, decodedPath };
}

export const undescribed = "its path cannot be described in 1,024 characters: shorten it";
