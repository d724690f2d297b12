import { BucketError } from "./bucket-error.ts";

/** A place in a bucket: `s3://bucket/prefix?endpoint=…&region=…`. */
export interface BucketUrl {
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  /** Null for AWS's own, or the one of AWS's settings. */
  readonly endpoint: string | null;
  /** Null for the one of AWS's settings. */
  readonly region: string | null;
  /** As operators call it: without its settings. */
  readonly name: string;
}

const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const settings = ["endpoint", "region"] as const;

/** Null when it is no URL, but a folder. Throws for other URLs, which would be taken for folders of those names. */
export const parseBucketUrl = (text: string): BucketUrl | null => parseWithSettings(text, [])?.url ?? null;

/** Like `parseBucketUrl`, for a URL that may have more settings. */
export function parseWithSettings(
  text: string,
  more: readonly string[],
): { readonly url: BucketUrl; readonly values: URLSearchParams } | null {
  if (!/^[a-z0-9+.-]+:\/\//i.test(text)) {
    return null;
  }
  const [, bucket = "", path = "", query = ""] = /^s3:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text) ?? [];
  if (!bucketPattern.test(bucket)) {
    throw new BucketError(`Invalid place "${text}": expected a folder, or s3://BUCKET/PREFIX`);
  }
  const values = new URLSearchParams(query);
  const known = [...settings, ...more];
  const unknown = [...values.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new BucketError(`Unknown setting "${unknown}" in "${text}": expected ${listOf(known)}`);
  }
  const endpoint = values.get("endpoint");
  if (endpoint !== null && !(URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol))) {
    throw new BucketError(`Invalid endpoint "${endpoint}": expected one like https://s3.example.com`);
  }
  const prefix = path.split("/").filter(Boolean).join("/");
  const url = {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint,
    region: values.get("region"),
    name: `s3://${bucket}/${prefix}`,
  };
  return { url, values };
}

export const listOf = (words: readonly string[]): string => `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
