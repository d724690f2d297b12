import { parseArgs } from "node:util";
import { programUsage } from "../settings/program-usage.ts";
import {
  hasBucket,
  type PlaceArguments,
  type PlaceValues,
  placeHelp,
  placeOptions,
  readPlace,
} from "./bucket/place-arguments.ts";
import { secondsOf } from "./durations.ts";
import type { Level, Subset } from "./verification.ts";

export interface Arguments {
  /** A folder whose archives are files, or metadata and a bucket. */
  readonly place: FolderArguments | PlaceArguments;
  readonly sealingKeyFile: string | null;
  readonly level: Level;
  readonly subset: Subset | null;
  readonly maxSeconds: number | null;
  readonly isJson: boolean;
}

export interface FolderArguments {
  readonly dataFolder: string;
  readonly mirrorFolder: string | null;
}

const options: ReadonlyArray<[flag: string, help: string]> = [
  ["--data DIR", "the data folder (MORAINE_DATA, moraine-data)"],
  ["--mirror DIR", "also check the second copies in the folder that the server has as its --mirror (MORAINE_MIRROR)"],
  ...placeHelp,
  [
    "--sealing-key FILE",
    "the servers' sealing key, if it is not secrets.key in the data folder (MORAINE_SEALING_KEY_FILE)",
  ],
  ["--quick", "check the database, the presence, length and footer of each segment, and the audit trail (the default)"],
  ["--deep", "also read every byte of each segment and compare it with its hash"],
  ["--subset N/T", "open only the Nth of T parts of the segments, e.g. 1/7; all else is checked in full"],
  ["--orphans", "compare a bucket with its database instead: see moraine verify --orphans --help"],
  ["--max-duration TIME", "stop after this time, e.g. 10m (no limit)"],
  ["--json", "print one JSON object a line: findings, then a summary"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine verify [FLAGS]: checks a data folder, or the database and the bucket of a cluster, with the servers running or stopped, and changes nothing",
  "Exit codes: 0 no damage found, 1 damage found, 2 could not check.",
  "The credentials of the bucket are those that AWS's SDKs find. A stopped server cannot start while its folder is checked. After a crash, its database is copied to TMPDIR, which needs as much room.",
] as const;

/** Returns the lines of `--help` for a terminal of this width. */
export const usage = (columns: number | undefined): string => programUsage({ paragraphs, options }, columns);

/** Returns null for --help. Throws for arguments that it does not understand. */
export function readArguments(args: readonly string[], environment: NodeJS.ProcessEnv): Arguments | null {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      ...placeOptions,
      data: { type: "string" },
      mirror: { type: "string" },
      "sealing-key": { type: "string" },
      quick: { type: "boolean", default: false },
      deep: { type: "boolean", default: false },
      subset: { type: "string" },
      "max-duration": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    return null;
  }
  if (values.quick && values.deep) {
    throw new Error("--quick and --deep exclude each other: give one of them");
  }
  const duration = values["max-duration"];
  return {
    place: placeOf(values, environment),
    sealingKeyFile: values["sealing-key"] ?? (environment["MORAINE_SEALING_KEY_FILE"] || null),
    level: values.deep ? "deep" : "quick",
    subset: values.subset === undefined ? null : subsetOf(values.subset),
    maxSeconds: duration === undefined ? null : secondsOf("--max-duration", duration),
    isJson: values.json,
  };
}

function placeOf(
  values: PlaceValues & { readonly mirror?: string | undefined },
  environment: NodeJS.ProcessEnv,
): Arguments["place"] {
  if (!hasBucket(values, environment)) {
    return {
      dataFolder: values.data ?? (environment["MORAINE_DATA"] || "moraine-data"),
      mirrorFolder: values.mirror ?? (environment["MORAINE_MIRROR"] || null),
    };
  }
  if (values.mirror !== undefined) {
    throw new Error("--mirror is for a data folder whose archives are files: there is none next to a bucket");
  }
  return readPlace(values, environment);
}

function subsetOf(text: string): Subset {
  const [, index, count] = /^([1-9][0-9]{0,5})\/([1-9][0-9]{0,5})$/.exec(text) ?? [];
  if (index === undefined || Number(index) > Number(count)) {
    throw new Error(`Invalid --subset "${text}": expected N/T with N from 1 to T, like 1/7`);
  }
  return { index: Number(index), count: Number(count) };
}
