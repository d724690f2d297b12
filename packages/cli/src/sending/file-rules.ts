import { globMatcher } from "../catalog/glob.ts";
import type { LocalFile } from "./local-entry.ts";
import type { OwnFiles } from "./own-files.ts";

export interface RuleOptions {
  /** Globs of which a file's path must match one. @default all match */
  readonly match?: readonly string[];
  /** Globs of files and folders that are passed over. */
  readonly exclude?: readonly string[];
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly modifiedFrom?: Date;
  readonly modifiedBefore?: Date;
}

/** Which files are sent. */
export interface FileRules {
  /** Whether a file of this path may be sent. */
  allowsPath(path: string): boolean;
  /** Whether files may be sent that are in the folder. */
  entersFolder(path: string): boolean;
  allows(file: Pick<LocalFile, "sizeBytes" | "modifiedAt">): boolean;
  /** Files that are never sent. */
  readonly own: OwnFiles;
}

export function fileRules(options: RuleOptions, own: OwnFiles): FileRules {
  const { match, exclude = [], minSize = 0, maxSize = Number.POSITIVE_INFINITY } = options;
  const { modifiedFrom, modifiedBefore } = options;
  const isMatch = match === undefined ? () => true : globMatcher(match);
  const isExcluded = exclude.length === 0 ? () => false : globMatcher(exclude);
  return {
    allowsPath: (path) => isMatch(path) && !isExcluded(path),
    entersFolder: (path) => !isExcluded(path),
    own,
    allows: ({ sizeBytes, modifiedAt }) =>
      sizeBytes >= minSize &&
      sizeBytes <= maxSize &&
      (modifiedFrom === undefined || modifiedAt >= modifiedFrom) &&
      (modifiedBefore === undefined || modifiedAt < modifiedBefore),
  };
}
