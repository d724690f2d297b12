import { millisecondsPer } from "@moraine/protocol";
import { isSafeEndpoint } from "../../domain/safe-endpoint.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "../../storage/metadata/postgres/database-url.ts";
import { parseArchivesUrl } from "../../storage/s3/archives-url.ts";
import type { BucketUrl } from "../../storage/s3/bucket-url.ts";
import { secondsOf } from "../durations.ts";

/** Where the metadata and the bytes of a service are, which has a bucket. */
export interface PlaceArguments {
  readonly metadata: { readonly folder: string } | { readonly database: DatabaseUrl };
  readonly bucket: BucketUrl;
}

/** The same, and which objects are compared. */
export interface ComparedArguments extends PlaceArguments {
  /** Objects that were changed later are not judged. */
  readonly olderThanMilliseconds: number;
}

/** Flags as `parseArgs` takes them. */
export const placeOptions = {
  database: { type: "string" },
  blobs: { type: "string" },
  insecure: { type: "boolean", default: false },
} as const;
export const comparedOptions = { ...placeOptions, "older-than": { type: "string", default: "1d" } } as const;

/** Lines of `--help`. */
export const placeHelp: ReadonlyArray<[flag: string, help: string]> = [
  ["--database URL", "the database of a cluster, in place of a data folder (MORAINE_DATABASE)"],
  ["--blobs URL", "the bucket, as the server has it: s3://BUCKET/PREFIX?endpoint=URL&region=NAME (MORAINE_BLOBS)"],
  ["--insecure", "allow an endpoint with plain HTTP beyond loopback (MORAINE_INSECURE)"],
];
export const comparedHelp: typeof placeHelp = [
  ...placeHelp,
  ["--older-than TIME", "judge only objects whose last change is older, e.g. 12h; at least 15m (1d)"],
];

export interface PlaceValues {
  readonly data?: string | undefined;
  readonly database?: string | undefined;
  readonly blobs?: string | undefined;
  readonly insecure: boolean;
}

/** A server tries to store an object for no longer than this: what it sent before has landed, or never will. */
const olderThanMin = 15 * millisecondsPer.minute;

/** Throws for values that it does not understand. */
export function readCompared(
  values: PlaceValues & { readonly "older-than": string },
  environment: NodeJS.ProcessEnv,
): ComparedArguments {
  const place = readPlace(values, environment);
  const olderThanMilliseconds = secondsOf("--older-than", values["older-than"]) * millisecondsPer.second;
  if (olderThanMilliseconds < olderThanMin) {
    throw new Error(`Invalid --older-than "${values["older-than"]}": expected 15m or more, as a request may land late`);
  }
  return { ...place, olderThanMilliseconds };
}

/** Throws for values that it does not understand. */
export function readPlace(values: PlaceValues, environment: NodeJS.ProcessEnv): PlaceArguments {
  const database = databaseOf(values, environment);
  return {
    metadata:
      database === undefined
        ? { folder: values.data ?? (environment["MORAINE_DATA"] || "moraine-data") }
        : { database: readDatabase(database) },
    bucket: readBucket(
      bucketOf(values, environment) ?? "",
      values.insecure || environment["MORAINE_INSECURE"] === "true",
    ),
  };
}

/** Whether the bytes are in a bucket. */
export const hasBucket = (values: PlaceValues, environment: NodeJS.ProcessEnv): boolean =>
  (databaseOf(values, environment) ?? bucketOf(values, environment)) !== undefined;

function databaseOf({ database, data }: PlaceValues, environment: NodeJS.ProcessEnv): string | undefined {
  const found = database ?? (environment["MORAINE_DATABASE"] || undefined);
  if (found !== undefined && data !== undefined) {
    throw new Error("--database and --data exclude each other: give one of them");
  }
  return found;
}

const bucketOf = ({ blobs }: PlaceValues, environment: NodeJS.ProcessEnv): string | undefined =>
  blobs ?? (environment["MORAINE_BLOBS"] || undefined);

function readDatabase(text: string): DatabaseUrl {
  try {
    return parseDatabaseUrl(text);
  } catch (error) {
    throw new Error(`Invalid --database: ${(error as Error).message}`, { cause: error });
  }
}

function readBucket(text: string, isInsecureAllowed: boolean): BucketUrl {
  const url = text === "" ? null : parseArchivesUrl(text);
  if (url === null) {
    throw new Error(
      "It needs the bucket: give --blobs s3://BUCKET/PREFIX?endpoint=URL&region=NAME, as the server has it",
    );
  }
  if (url.endpoint !== null && !isSafeEndpoint(url.endpoint) && !isInsecureAllowed) {
    throw new Error(`${url.endpoint} is neither https nor loopback: give --insecure if the network is safe`);
  }
  return url;
}
