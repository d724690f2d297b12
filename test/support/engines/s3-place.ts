import { randomUUID } from "node:crypto";
import type { Engine } from "./engine.ts";

/** A place of its own in the bucket of an engine. */
export interface S3Place {
  readonly bucket: string;
  readonly prefix: string;
  readonly endpoint: string;
  /** As `--blobs` takes it. */
  readonly url: string;
  /** The credentials, as AWS's SDK finds them. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * @param endpoint another one than the engine's: of a proxy before it.
 * @param settings more of the URL, like `&cold-after=0`.
 */
export function s3Place(
  { variables }: Pick<Engine, "variables">,
  endpoint = variables["S3_ENDPOINT"] ?? "",
  settings = "",
): S3Place {
  const bucket = variables["S3_BUCKET"] ?? "";
  const prefix = `run/${randomUUID()}`;
  const region = variables["S3_REGION"] ?? "";
  return {
    bucket,
    prefix,
    endpoint,
    url: `s3://${bucket}/${prefix}?endpoint=${encodeURIComponent(endpoint)}&region=${region}${settings}`,
    environment: {
      AWS_ACCESS_KEY_ID: variables["S3_ACCESS_KEY"] ?? "",
      AWS_SECRET_ACCESS_KEY: variables["S3_SECRET_KEY"] ?? "",
      AWS_EC2_METADATA_DISABLED: "true",
    },
  };
}
