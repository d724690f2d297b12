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

export type Place = { readonly kind: "folder"; readonly path: string } | ({ readonly kind: "cluster" } & ClusterPlace);

export interface CopyArguments {
  readonly from: Place;
  readonly to: Place;
  /** Null is the folder's own. */
  readonly sealingKeyFile: string | null;
  readonly acceptsDamage: boolean;
  readonly isJson: boolean;
}

const options: ReadonlyArray<[flag: string, help: string]> = [
  ["--data DIR", "the data folder to copy (MORAINE_DATA, moraine-data)"],
  ["--database URL", "copy this database instead, like postgres://USER@HOST/NAME"],
  ["--from-blobs URL", "with --database: the bucket of its archives, as its nodes have it as --blobs"],
  ["--to PLACE", "an empty database, like postgres://USER@HOST/NAME, or an empty folder"],
  ["--blobs URL", "with a database as --to: an empty place, s3://BUCKET/PREFIX?endpoint=URL&region=NAME"],
  [
    "--sealing-key FILE",
    "the sealing key of the source, if it is not secrets.key in its folder (MORAINE_SEALING_KEY_FILE); the copy has the same",
  ],
  ["--accept-damage", "end the copy although segments or rows are damaged: the copy has them as damaged too"],
  ["--insecure-durability", "accept a database that may lose what it acknowledges; for tests"],
  ["--insecure", "accept a bucket's endpoint without TLS beyond this machine"],
  ["--json", "print one JSON object a line: damage, then the result"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine admin copy --to PLACE [FLAGS]: copies everything from a data folder to a cluster, or from a cluster to a data folder",
  "No server may use the source meanwhile. Interrupted, the same command continues. When the copy is complete, servers refuse the source, and accept the copy.",
  "Exit codes: 0 complete; 1 damage found, and the copy is not complete without --accept-damage; 2 could not copy.",
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
  if (from.kind === "folder" && to.kind === "folder") {
    throw new Error("One of both is a cluster: give --to postgres://…, or --database; moraine backup copies a folder");
  }
  const sealingKeyFile = values["sealing-key"] ?? (environment["MORAINE_SEALING_KEY_FILE"] || null);
  if (from.kind === "cluster" && sealingKeyFile === null) {
    throw new Error("--database needs --sealing-key FILE, which its nodes have");
  }
  return { from, to, sealingKeyFile, acceptsDamage: values["accept-damage"], isJson: values.json };
}

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
  if (blobs !== undefined) {
    throw new Error("--blobs is the bucket of a database as --to: a folder has its archives as files");
  }
  return { kind: "folder", path: to };
}

function sourceOf(values: Values, environment: NodeJS.ProcessEnv): Place {
  const { data, database, "from-blobs": blobs } = values;
  if (database === undefined) {
    if (blobs !== undefined) {
      throw new Error("--from-blobs is the bucket of a database: give --database too");
    }
    return { kind: "folder", path: data ?? (environment["MORAINE_DATA"] || "moraine-data") };
  }
  if (data !== undefined) {
    throw new Error("--data and --database exclude each other: give one of them");
  }
  return clusterOf(values, ["--database", database], ["--from-blobs", blobs]);
}

const isDatabase = (text: string): boolean => /^postgres(ql)?:\/\//.test(text);

type Given<Value> = readonly [flag: string, value: Value];

function clusterOf(values: Values, [databaseFlag, database]: Given<string>, [flag, blobs]: Given<string | undefined>) {
  const bucket = blobs === undefined ? null : parseArchivesUrl(blobs);
  if (bucket === null) {
    throw new Error(`${databaseFlag} needs ${flag} s3://BUCKET/PREFIX?endpoint=URL&region=NAME`);
  }
  if (bucket.endpoint !== null && !isSafeEndpoint(bucket.endpoint) && !values.insecure) {
    throw new Error(
      `${flag}: ${bucket.endpoint} is neither https nor loopback: give --insecure if the network is safe`,
    );
  }
  return {
    kind: "cluster",
    database: parsedDatabase(databaseFlag, database),
    blobs: bucket,
    isInsecureAllowed: values["insecure-durability"],
  } as const;
}

function parsedDatabase(flag: string, text: string): DatabaseUrl {
  try {
    return parseDatabaseUrl(text);
  } catch (error) {
    // Without the value, which may have a password.
    throw new Error(`Invalid ${flag}: ${(error as Error).message}`, { cause: error });
  }
}
