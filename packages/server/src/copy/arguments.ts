import { parseArgs } from "node:util";
import { isSafeEndpoint } from "../domain/safe-endpoint.ts";
import { programUsage } from "../settings/program-usage.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "../storage/metadata/postgres/database-url.ts";
import { parseArchivesUrl } from "../storage/s3/archives-url.ts";
import type { BucketUrl } from "../storage/s3/bucket-url.ts";

/** A database and a bucket that nodes share. */
export interface ClusterPlace {
  readonly database: DatabaseUrl;
  readonly blobs: BucketUrl;
  /** Whether the database may lose what it acknowledges. */
  readonly isInsecureAllowed: boolean;
}

export interface FolderPlace {
  readonly path: string;
  /** Null when its archives are files in it. */
  readonly blobs: BucketUrl | null;
}

export type Place = ({ readonly kind: "folder" } & FolderPlace) | ({ readonly kind: "cluster" } & ClusterPlace);

export interface CopyArguments {
  readonly from: Place;
  readonly to: Place;
  /** Null is the folder's own. */
  readonly sealingKeyFile: string | null;
  readonly acceptsDamage: boolean;
  /** Whether the bytes of segments that stay in their bucket are not read. */
  readonly readsFootersOnly: boolean;
  readonly isJson: boolean;
}

const options: ReadonlyArray<[flag: string, help: string]> = [
  ["--data DIR", "the data folder to copy (MORAINE_DATA, moraine-data)"],
  ["--database URL", "copy this database instead, like postgres://USER@HOST/NAME"],
  ["--from-blobs URL", "the bucket of the source's archives, as its servers have it as --blobs"],
  ["--to PLACE", "an empty database, like postgres://USER@HOST/NAME, or an empty folder"],
  [
    "--blobs URL",
    "the bucket of the copy, s3://BUCKET/PREFIX?endpoint=URL&region=NAME: an empty place, or the one of --from-blobs, in which the archives stay; without it a folder gets files",
  ],
  [
    "--sealing-key FILE",
    "the sealing key of the source, if it is not secrets.key in its folder (MORAINE_SEALING_KEY_FILE); the copy has the same",
  ],
  ["--accept-damage", "end the copy although segments or rows are damaged: the copy has them as damaged too"],
  [
    "--footers-only",
    "do not read the bytes of archives that stay in their bucket, only sizes and hashes; the server's scrub reads them later",
  ],
  ["--insecure-durability", "accept a database that may lose what it acknowledges; for tests"],
  ["--insecure", "accept a bucket's endpoint without TLS beyond this machine"],
  ["--json", "print one JSON object a line: damage and cold segments, then the result"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine admin copy --to PLACE [FLAGS]: copies everything between data folders, with files or a bucket, and clusters",
  "No server may use the source meanwhile. Interrupted, the same command continues. When the copy is complete, servers refuse the source, and accept the copy.",
  "Exit codes: 0 complete; 1 the copy is not complete: damage was found (see --accept-damage), or archives have to be restored from a cold class first; 2 could not copy.",
  "Credentials of buckets are found where AWS's SDKs find them; the password of a database by PGPASSWORD or PGPASSFILE.",
] as const;

/** Returns the lines of `--help` for a terminal of this width. */
export const usage = (columns: number | undefined): string => programUsage({ paragraphs, options }, columns);

/** Returns null for --help. Throws for arguments that it does not understand. */
export function readArguments(args: readonly string[], environment: NodeJS.ProcessEnv): CopyArguments | null {
  const values = valuesOf(args);
  if (values.help) {
    return null;
  }
  const to = targetOf(values);
  const from = sourceOf(values, environment);
  if (isOfFiles(from) && isOfFiles(to)) {
    throw new Error(
      "One of both is a cluster, or has a bucket: give --to postgres://…, --database, --from-blobs or --blobs; moraine backup copies a folder",
    );
  }
  if (values["footers-only"] && from.blobs?.name !== to.blobs?.name) {
    throw new Error("--footers-only is for archives that stay: give the same bucket as --from-blobs and --blobs");
  }
  const sealingKeyFile = values["sealing-key"] ?? (environment["MORAINE_SEALING_KEY_FILE"] || null);
  if (from.kind === "cluster" && sealingKeyFile === null) {
    throw new Error("--database needs --sealing-key FILE, which its nodes have");
  }
  return {
    ...{ from, to, sealingKeyFile, acceptsDamage: values["accept-damage"] },
    ...{ readsFootersOnly: values["footers-only"], isJson: values.json },
  };
}

const isOfFiles = ({ kind, blobs }: Place): boolean => kind === "folder" && blobs === null;

function valuesOf(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      data: { type: "string" },
      database: { type: "string" },
      "from-blobs": { type: "string" },
      to: { type: "string" },
      blobs: { type: "string" },
      "sealing-key": { type: "string" },
      "accept-damage": { type: "boolean", default: false },
      "footers-only": { type: "boolean", default: false },
      "insecure-durability": { type: "boolean", default: false },
      insecure: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  }).values;
}

type Values = ReturnType<typeof valuesOf>;

function targetOf(values: Values): Place {
  const { to, blobs } = values;
  if (to === undefined || to === "") {
    throw new Error("--to is missing: expected postgres://USER@HOST/NAME, or a folder");
  }
  if (isDatabase(to)) {
    return clusterOf(values, ["--to", to], ["--blobs", blobs]);
  }
  if (to.includes("://")) {
    throw new Error(`Invalid --to "${to}": expected postgres://USER@HOST/NAME, or a folder`);
  }
  return { kind: "folder", path: to, blobs: bucketGiven(values, ["--blobs", blobs]) };
}

function sourceOf(values: Values, environment: NodeJS.ProcessEnv): Place {
  const { data, database, "from-blobs": blobs } = values;
  if (database === undefined) {
    const path = data ?? (environment["MORAINE_DATA"] || "moraine-data");
    return { kind: "folder", path, blobs: bucketGiven(values, ["--from-blobs", blobs]) };
  }
  if (data !== undefined) {
    throw new Error("--data and --database exclude each other: give one of them");
  }
  return clusterOf(values, ["--database", database], ["--from-blobs", blobs]);
}

const isDatabase = (text: string): boolean => /^postgres(ql)?:\/\//.test(text);

type Given<Value> = readonly [flag: string, value: Value];

const bucketForm = "s3://BUCKET/PREFIX?endpoint=URL&region=NAME";

function clusterOf(values: Values, [databaseFlag, database]: Given<string>, given: Given<string | undefined>) {
  const bucket = bucketGiven(values, given);
  if (bucket === null) {
    throw new Error(`${databaseFlag} needs ${given[0]} ${bucketForm}`);
  }
  return {
    kind: "cluster",
    database: parsedDatabase(databaseFlag, database),
    blobs: bucket,
    isInsecureAllowed: values["insecure-durability"],
  } as const;
}

/** Null when the flag is not given. */
function bucketGiven({ insecure }: Values, [flag, text]: Given<string | undefined>): BucketUrl | null {
  if (text === undefined) {
    return null;
  }
  const bucket = parseArchivesUrl(text);
  if (bucket === null) {
    throw new Error(`Invalid ${flag} "${text}": expected ${bucketForm}`);
  }
  if (bucket.endpoint !== null && !isSafeEndpoint(bucket.endpoint) && !insecure) {
    throw new Error(
      `${flag}: ${bucket.endpoint} is neither https nor loopback: give --insecure if the network is safe`,
    );
  }
  return bucket;
}

function parsedDatabase(flag: string, text: string): DatabaseUrl {
  try {
    return parseDatabaseUrl(text);
  } catch (error) {
    // Without the value, which may have a password.
    throw new Error(`Invalid ${flag}: ${(error as Error).message}`, { cause: error });
  }
}
