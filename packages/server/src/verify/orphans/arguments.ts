import { parseArgs } from "node:util";
import { programUsage } from "../../settings/program-usage.ts";
import { type ComparedArguments, comparedHelp, comparedOptions, readCompared } from "../bucket/place-arguments.ts";
import { secondsOf } from "../durations.ts";

export interface Arguments extends ComparedArguments {
  readonly maxSeconds: number | null;
  readonly isJson: boolean;
}

const options: ReadonlyArray<readonly [flag: string, help: string]> = [
  ["--data DIR", "the data folder of a server whose archives are in a bucket (MORAINE_DATA, moraine-data)"],
  ...comparedHelp,
  ["--max-duration TIME", "stop after this time, e.g. 10m (no limit)"],
  ["--json", "print one JSON object a line: findings, then a summary"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine verify --orphans [FLAGS]: compares a bucket with its database, with the servers running or stopped, and changes neither",
  "Names objects that no row knows, rows whose object is missing, and objects of others below the prefix. The credentials are those that AWS's SDKs find.",
  "Exit codes: 0 nothing found, 1 something found, 2 could not check.",
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
      ...comparedOptions,
      orphans: { type: "boolean" },
      data: { type: "string" },
      "max-duration": { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    return null;
  }
  const duration = values["max-duration"];
  return {
    ...readCompared(values, environment),
    maxSeconds: duration === undefined ? null : secondsOf("--max-duration", duration),
    isJson: values.json,
  };
}
