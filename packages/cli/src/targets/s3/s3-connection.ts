import type { S3Client } from "@aws-sdk/client-s3";
import type { CredentialProvider } from "@moraine/client/node";
import { InvalidTargetError } from "../target.ts";
import type { BucketUrl } from "./bucket-url.ts";

export type Sdk = typeof import("@aws-sdk/client-s3");

/** A bucket, and the SDK by whose classes its commands are made. */
export interface S3Connection {
  readonly url: BucketUrl;
  readonly sdk: Sdk;
  readonly client: S3Client;
  /** Returns the bucket and the key of an object below the prefix. */
  at(key: string): { readonly Bucket: string; readonly Key: string };
}

const packageName = "@aws-sdk/client-s3";
const [connectMilliseconds, silentMilliseconds] = [10_000, 60_000];
/** Attempts of the SDK, each of which attempt.ts repeats: the SDK repeats no streams. */
const attemptsMax = 3;

/** Loads the SDK. Throws InvalidTargetError where it is not installed, which the package leaves open. */
export async function connectBucket(
  url: BucketUrl,
  credentials: CredentialProvider | undefined,
): Promise<S3Connection> {
  try {
    import.meta.resolve(packageName);
  } catch (cause) {
    throw new InvalidTargetError(
      `Buckets need the package ${packageName}: npm install ${packageName}, with --global where this command is installed so`,
      { cause },
    );
  }
  const sdk = await import("@aws-sdk/client-s3");
  const client = new sdk.S3Client({
    ...(credentials !== undefined && { credentials: () => identityOf(credentials) }),
    ...(url.region !== null && { region: url.region }),
    ...(url.endpoint !== null && { endpoint: url.endpoint, forcePathStyle: true }),
    // Stores other than AWS's know few of the checksums that the SDK adds by itself, and store the framing of some.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: attemptsMax,
    requestHandler: { connectionTimeout: connectMilliseconds, socketTimeout: silentMilliseconds },
  });
  return { url, sdk, client, at: (key) => ({ Bucket: url.bucket, Key: `${url.prefix}${key}` }) };
}

/** Returns credentials in the SDK's form, which has no undefined fields. */
async function identityOf(find: CredentialProvider) {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = await find();
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    ...(expiration !== undefined && { expiration }),
  };
}
