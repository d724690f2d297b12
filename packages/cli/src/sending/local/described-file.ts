import { decodeName } from "../../names/decode-name.ts";
import { type DescriptionFormat, describeFile } from "../../names/file-description.ts";
import type { LocalFile } from "./local-entry.ts";

/** A file with the description that its archive gets, and the path that is decoded from it. */
export interface DescribedFile extends LocalFile {
  readonly description: string;
  readonly decodedPath: string;
}

/** Error thrown for a file whose path no description can hold, or not so that it comes back. */
export class UndescribedError extends Error {
  override readonly name = "UndescribedError";
}

/** Throws UndescribedError for a path that cannot be described. */
export function described(file: LocalFile, format: DescriptionFormat): DescribedFile {
  if (file.path.trim() === "") {
    throw new UndescribedError("its name has nothing but spaces: rename it");
  }
  const description = describeFile(file, format);
  if (description === null) {
    throw new UndescribedError("its path cannot be described in 1,024 characters: shorten it");
  }
  const decodedPath = decodeName(description).path;
  if (decodedPath !== file.path) {
    throw new UndescribedError(`it would come back under another name, ${decodedPath}: rename it`);
  }
  return { ...file, description, decodedPath };
}
