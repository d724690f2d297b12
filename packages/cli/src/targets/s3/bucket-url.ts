import { InvalidTargetError } from "../target.ts";

/** A place in a bucket: `s3://bucket/prefix?endpoint=…&region=…`, as the server's `--blobs` takes it. */
export interface BucketUrl {
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  /** Null for AWS's own, or the one of AWS's settings. */
  readonly endpoint: string | null;
  /** Null for the one of AWS's settings. */
  readonly region: string | null;
  /** Without settings, for messages. */
  readonly name: string;
}

const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const settings = ["endpoint", "region"];

/** Parses a place that begins with `s3://`. Throws InvalidTargetError. */
export function parseBucketUrl(text: string): BucketUrl {
  const [, bucket = "", path = "", query = ""] = /^s3:\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text) ?? [];
  if (!bucketPattern.test(bucket)) {
    throw new InvalidTargetError(`Invalid target "${text}": expected s3://BUCKET/PREFIX?endpoint=URL&region=NAME`);
  }
  const values = new URLSearchParams(query);
  const unknown = [...values.keys()].find((name) => !settings.includes(name));
  if (unknown !== undefined) {
    throw new InvalidTargetError(`Unknown setting "${unknown}" in "${text}": expected endpoint or region`);
  }
  const prefix = path.split("/").filter(Boolean).join("/");
  return {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint: endpointOf(values.get("endpoint")),
    region: values.get("region"),
    name: `s3://${bucket}/${prefix}`,
  };
}

function endpointOf(text: string | null): string | null {
  const url = text === null ? null : URL.parse(text);
  if (text !== null && !(url !== null && /^https?:$/.test(url.protocol) && url.username === "")) {
    throw new InvalidTargetError(
      `Invalid endpoint "${text}": expected a URL like https://s3.example.com, without credentials`,
    );
  }
  return text;
}
