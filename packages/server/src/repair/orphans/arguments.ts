import { parseArgs } from "node:util";
import type { Instant } from "../../domain/time/instant.ts";
import { programUsage } from "../../settings/program-usage.ts";
import {
  type ComparedArguments,
  comparedHelp,
  comparedOptions,
  readCompared,
} from "../../verify/bucket/place-arguments.ts";

/** When the database was last restored from a backup, as its operator says; null when nobody has said it. */
export type Restored = Instant | "never" | null;

export interface Arguments extends ComparedArguments {
  readonly isApplied: boolean;
  readonly restored: Restored;
  readonly sealingKeyFile: string | null;
  readonly isJson: boolean;
}

const options: ReadonlyArray<readonly [flag: string, help: string]> = [
  ["--apply", "have the objects removed; without it they are only listed"],
  [
    "--restored TIME",
    "when the database was last restored from a backup, e.g. 2026-11-29T12:00:00Z, or never: without it, objects that only a newer database could know stay",
  ],
  ...comparedHelp,
  [
    "--sealing-key FILE",
    "the servers' sealing key, if it is not secrets.key in the data folder (MORAINE_SEALING_KEY_FILE)",
  ],
  ["--json", "print one JSON object a line: actions, then a summary"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine repair --orphans [DATA_DIR] [FLAGS]: has objects removed that no row knows, as moraine verify --orphans names them; DATA_DIR is MORAINE_DATA or moraine-data by default",
  "With --apply each gets the row of an abandoned segment, and the servers' sweep removes it. The server of a data folder has to be stopped for that; nodes of a cluster may run. Objects stay that may hold an archive.",
  "Exit codes: 0 nothing is left to repair, 1 something is, 2 could not run.",
] as const;

/** Returns the lines of `--help` for a terminal of this width. */
export const usage = (columns: number | undefined): string => programUsage({ paragraphs, options }, columns);

/** Returns null for --help. Throws for arguments that it does not understand. */
export function readArguments(args: readonly string[], environment: NodeJS.ProcessEnv): Arguments | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: {
      ...comparedOptions,
      orphans: { type: "boolean" },
      apply: { type: "boolean", default: false },
      restored: { type: "string" },
      "sealing-key": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    return null;
  }
  const [data, extra] = positionals;
  if (extra !== undefined) {
    throw new Error(`Unexpected argument "${extra}": expected one data folder`);
  }
  const place = readCompared({ ...values, data }, environment);
  const sealingKeyFile = values["sealing-key"] ?? (environment["MORAINE_SEALING_KEY_FILE"] || null);
  if (values.apply && "database" in place.metadata && sealingKeyFile === null) {
    throw new Error("It needs the sealing key of the nodes: give --sealing-key FILE");
  }
  return {
    ...place,
    isApplied: values.apply,
    restored: values.restored === undefined ? null : restoredOf(values.restored),
    sealingKeyFile,
    isJson: values.json,
  };
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/;

function restoredOf(text: string): Restored {
  const time = timePattern.test(text) ? Date.parse(text) : Number.NaN;
  if (text !== "never" && Number.isNaN(time)) {
    throw new Error(`Invalid --restored "${text}": expected a time in UTC like 2026-11-29T12:00:00Z, or never`);
  }
  return text === "never" ? text : time;
}
