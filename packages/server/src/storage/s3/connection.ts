import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { BucketError } from "./bucket-error.ts";
import type { BucketUrl } from "./bucket-url.ts";

export type Sdk = typeof import("@aws-sdk/client-s3");

export interface ConnectionLimits {
  /** Attempts of one call, the first included. A body that is a stream is sent once. */
  readonly attemptsMax: number;
  readonly connectMilliseconds: number;
  /** Without a byte in either direction. */
  readonly silentMilliseconds: number;
}

/** A bucket, with the credentials that AWS's SDK finds. */
export interface S3Connection {
  readonly url: BucketUrl;
  /** Commands are made by these classes. */
  readonly sdk: Sdk;
  readonly client: S3Client;
  /** Where an object below the prefix is. */
  at(key: string): { readonly Bucket: string; readonly Key: string };
}

const packageName = "@aws-sdk/client-s3";

/** Loads the SDK with the first bucket. Throws where it is not installed, which the package leaves open. */
export async function connectBucket(url: BucketUrl, limits: ConnectionLimits): Promise<S3Connection> {
  try {
    import.meta.resolve(packageName);
  } catch (cause) {
    throw new BucketError(
      `Buckets need the package ${packageName}: npm install ${packageName}, where this command is installed`,
      { cause },
    );
  }
  const sdk = await import("@aws-sdk/client-s3");
  const client = new sdk.S3Client(configOf(url, limits));
  client.middlewareStack.add(
    (next) => (args) =>
      next(args).catch((error: Error) => {
        // Its own messages name no bucket.
        error.message = `${url.name}: ${error.message}`;
        throw error;
      }),
    { step: "initialize" },
  );
  return { url, sdk, client, at: (key) => ({ Bucket: url.bucket, Key: `${url.prefix}${key}` }) };
}

function configOf({ endpoint, region }: BucketUrl, limits: ConnectionLimits): S3ClientConfig {
  return {
    ...(region !== null && { region }),
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    // Services other than AWS's know few of the checksums that the SDK adds by itself.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: limits.attemptsMax,
    requestHandler: { connectionTimeout: limits.connectMilliseconds, socketTimeout: limits.silentMilliseconds },
  };
}

export const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** No answer, or one that says that the service is in trouble or busy. */
export function isPassing(error: unknown): boolean {
  const status = statusOf(error);
  const isOfNetwork = status === undefined && typeof (error as NodeJS.ErrnoException).code === "string";
  return isOfNetwork || status === 429 || (status !== undefined && status >= 500);
}

/** There is no such object; the bucket exists. */
export const isMissing = (error: unknown): boolean =>
  statusOf(error) === 404 && (error as Error).name !== "NoSuchBucket";
