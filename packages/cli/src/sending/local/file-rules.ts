import { globMatcher } from "../../catalog/glob.ts";
import type { LocalFile } from "./local-entry.ts";
import { MatchedGlobs } from "./matched-globs.ts";
import type { OwnFiles } from "./own-files.ts";

export interface RuleOptions {
  /** Globs of which a file's path must match one. @default all match */
  readonly match?: readonly string[];
  /** Globs of files and folders that are passed over; of folders alone with a slash at the end. */
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
  /** The globs of which a path has to match one; null if there are none. */
  readonly match: MatchedGlobs | null;
}

export function fileRules(options: RuleOptions, own: OwnFiles): FileRules {
  const { exclude = [], minSize = 0, maxSize = Number.POSITIVE_INFINITY } = options;
  const { modifiedFrom, modifiedBefore } = options;
  const match = options.match === undefined ? null : new MatchedGlobs(options.match);
  const excludesFile = globMatcher(exclude.filter((glob) => !glob.endsWith("/")));
  const excludesFolder = globMatcher(exclude.map((glob) => glob.replace(/\/+$/, "")));
  return {
    allowsPath: (path) => (match?.matches(path) ?? true) && !excludesFile(path),
    entersFolder: (path) => !excludesFolder(path),
    own,
    match,
    allows: ({ sizeBytes, modifiedAt }) =>
      sizeBytes >= minSize &&
      sizeBytes <= maxSize &&
      (modifiedFrom === undefined || modifiedAt >= modifiedFrom) &&
      (modifiedBefore === undefined || modifiedAt < modifiedBefore),
  };
}
