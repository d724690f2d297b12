import { parseArgs } from "node:util";
import { programUsage } from "../settings/program-usage.ts";

export interface Arguments {
  readonly dataFolder: string;
  readonly isApplied: boolean;
  readonly isRebuilt: boolean;
  readonly sealingKeyFile: string | null;
  readonly isJson: boolean;
}

const options: ReadonlyArray<[flag: string, help: string]> = [
  ["--apply", "make the changes; without it they are only listed"],
  ["--rebuild", "build a new database from the segments although the present one can be opened"],
  ["--orphans", "remove objects of a bucket that no row knows instead: see moraine repair --orphans --help"],
  ["--sealing-key FILE", "the server's sealing key, if it is not secrets.key in the data folder"],
  ["--json", "print one JSON object a line: actions, then a summary"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine repair [DATA_DIR] [FLAGS]: repairs a data folder whose server is stopped; DATA_DIR is MORAINE_DATA or moraine-data by default",
  "Rebuilds a database that is missing or unreadable from the segments, links archives that an older database does not know, reads suspect segments again, and quarantines files that " +
    "nothing needs. It never deletes or shortens a file. Run moraine verify --deep afterwards.",
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
      apply: { type: "boolean", default: false },
      rebuild: { type: "boolean", default: false },
      "sealing-key": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    return null;
  }
  const [folder, extra] = positionals;
  if (extra !== undefined) {
    throw new Error(`Unexpected argument "${extra}": expected one data folder`);
  }
  return {
    dataFolder: folder ?? (environment["MORAINE_DATA"] || "moraine-data"),
    isApplied: values.apply,
    isRebuilt: values.rebuild,
    sealingKeyFile: values["sealing-key"] ?? null,
    isJson: values.json,
  };
}
