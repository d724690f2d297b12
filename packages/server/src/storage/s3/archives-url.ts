import { millisecondsPer, parseDuration } from "@moraine/protocol";
import { BucketError } from "./bucket-error.ts";
import { type BucketUrl, listOf, parseWithSettings } from "./bucket-url.ts";

/** A bucket of archives, as `--blobs` takes it: `s3://bucket/prefix?endpoint=…&storage-class=DEEP_ARCHIVE&cold-after=30d`. */
export interface ArchivesUrl extends BucketUrl {
  /** Null where archives stay in the class that they are stored in. */
  readonly cold: ColdSettings | null;
}

/** The class that archives are moved to, and the age at which they are. */
export interface ColdSettings {
  readonly storageClass: ColdClass;
  readonly afterMilliseconds: number;
}

const coldClasses = [
  "DEEP_ARCHIVE",
  "GLACIER",
  "GLACIER_IR",
  "INTELLIGENT_TIERING",
  "ONEZONE_IA",
  "STANDARD_IA",
] as const;
export type ColdClass = (typeof coldClasses)[number];

/** As `parseBucketUrl` does it. */
export function parseArchivesUrl(text: string): ArchivesUrl | null {
  const parsed = parseWithSettings(text, ["storage-class", "cold-after"]);
  return parsed && { ...parsed.url, cold: coldSettingsOf(parsed.values) };
}

function coldSettingsOf(values: URLSearchParams): ColdSettings | null {
  const [given, after] = [values.get("storage-class"), values.get("cold-after")];
  if (given === null) {
    if (after !== null) {
      throw new BucketError(`cold-after=${after} needs storage-class, e.g. storage-class=DEEP_ARCHIVE`);
    }
    return null;
  }
  const storageClass = coldClasses.find((name) => name === given);
  if (storageClass === undefined) {
    throw new BucketError(`Unknown storage-class "${given}": expected ${listOf(coldClasses)}`);
  }
  const seconds = parseDuration(after ?? "0");
  if (seconds === null) {
    throw new BucketError(`Invalid cold-after "${after}": expected a time like 30d or 12h; 0 moves archives at once`);
  }
  return { storageClass, afterMilliseconds: seconds * millisecondsPer.second };
}
