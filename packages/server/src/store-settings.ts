import { isSafeEndpoint } from "./domain/safe-endpoint.ts";
import { UsageError } from "./settings/given-settings.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "./storage/metadata/postgres/database-url.ts";
import { type ArchivesUrl, parseArchivesUrl } from "./storage/s3/archives-url.ts";
import { BucketError } from "./storage/s3/bucket-error.ts";

// Settings of where everything is kept, when that is not a data folder alone.

/** A database that several nodes share. */
export interface SharedDatabase {
  readonly url: DatabaseUrl;
  /** Whether it may lose what it acknowledged. */
  readonly isInsecureAllowed: boolean;
}

type Switch = "true" | "false";

interface BlobValues {
  readonly blobs?: string | undefined;
  readonly mirror?: string | undefined;
  readonly ephemeral: Switch;
  readonly insecure: Switch;
}

export function readBlobs(
  { blobs, insecure, mirror, ephemeral }: BlobValues,
  origin: string | undefined,
): ArchivesUrl | null {
  if (blobs === undefined) {
    return null;
  }
  const refuse = (reason: string) => new UsageError(`${origin}: ${reason}`);
  if (mirror !== undefined || ephemeral === "true") {
    throw refuse("a bucket has no --mirror, and is not for --ephemeral: leave one of them out");
  }
  try {
    const url = parseArchivesUrl(blobs);
    if (url === null) {
      throw refuse(`must be s3://BUCKET/PREFIX?endpoint=URL&region=NAME, not ${JSON.stringify(blobs)}`);
    }
    if (url.endpoint !== null && !isSafeEndpoint(url.endpoint) && insecure === "false") {
      throw refuse(`${url.endpoint} is neither https nor loopback: give --insecure if the network is safe`);
    }
    return url;
  } catch (error) {
    throw error instanceof BucketError ? refuse(error.message) : error;
  }
}

interface DatabaseValues {
  readonly database?: string | undefined;
  readonly insecureDurability: Switch;
  readonly data?: string | undefined;
  readonly ephemeral: Switch;
  readonly blobs?: string | undefined;
  readonly sealingKey?: string | undefined;
  readonly rootId?: string | undefined;
  readonly rootKeyFile?: string | undefined;
  readonly clock: "system" | "manual";
  readonly trustClock: Switch;
  readonly allowFaults: Switch;
}

/** Refuses settings that belong to a data folder, or move the time of one node alone. */
export function readDatabase(values: DatabaseValues, origin: string | undefined): SharedDatabase | null {
  const { database, insecureDurability, blobs, sealingKey, rootId, rootKeyFile } = values;
  if (database === undefined) {
    return null;
  }
  const refuse = (reason: string) => new UsageError(`${origin}: ${reason}`);
  if (values.data !== undefined || values.ephemeral === "true") {
    throw refuse("nodes that share a database have no data folder: leave --data and --ephemeral out");
  }
  if (values.clock === "manual" || values.trustClock === "true" || values.allowFaults === "true") {
    throw refuse("--clock manual, --trust-clock and --allow-faults are for one process alone: leave them out");
  }
  if (blobs === undefined || sealingKey === undefined) {
    throw refuse("it needs --blobs s3://BUCKET/PREFIX and --sealing-key FILE, the same for all nodes");
  }
  if (rootId === undefined && rootKeyFile === undefined) {
    throw refuse("it needs the root's key: give MORAINE_ROOT_ACCESS_KEY_ID and its secret, or --root-key-file FILE");
  }
  try {
    return { url: parseDatabaseUrl(database), isInsecureAllowed: insecureDurability === "true" };
  } catch (error) {
    throw refuse((error as Error).message);
  }
}
