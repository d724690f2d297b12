import { parseArgs } from "node:util";
import { parseSize } from "@moraine/protocol";
import { programUsage } from "../settings/program-usage.ts";
import { parseBucketUrl } from "../storage/s3/bucket-url.ts";
import type { CheckLevel } from "./segment-check.ts";

export interface BackupArguments {
  readonly target: string;
  readonly dataFolder: string;
  readonly keep: number | null;
  readonly keyTo: string | null;
  readonly maxRate: number | null;
  readonly acceptLoss: boolean;
  /** Set when the backups are to be checked, and none is to be made. */
  readonly check: CheckLevel | null;
  readonly isJson: boolean;
}

const options: ReadonlyArray<[flag: string, help: string]> = [
  ["--data DIR", "the data folder (MORAINE_DATA, moraine-data)"],
  ["--keep N", "after a complete backup, remove those older than the N newest complete ones (all stay)"],
  ["--key-to FILE", "also copy secrets.key to this file, which must not be in the folder of backups"],
  ["--max-rate SIZE", "copy at most so many bytes a second, e.g. 50MB (no limit)"],
  ["--accept-loss", "back up a data folder that does not continue the history of the newest backup"],
  ["--check", "make no backup: check those in DIR, every byte of them"],
  ["--quick", "with --check: compare the lengths of segments only"],
  ["--json", "print one JSON object a line: problems, then the result"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine backup DIR [FLAGS]: copies the data folder to a folder of backups, with its server running or stopped",
  "DIR can also be a place in a bucket: s3://BUCKET/PREFIX, with ?endpoint=URL and &region=NAME where AWS's settings do not say so. Credentials are found where AWS's SDKs find them.",
  "Backups in one folder share their segments: only new ones are copied. DIR is made if its parent exists.",
  "The key that opens the database's secrets is never in DIR. Without it, a restored server cannot be used: keep a copy of secrets.key elsewhere.",
  "Exit codes: 0 complete, or no damage found; 1 incomplete, or damage found; 2 could not back up or check.",
] as const;

/** Returns the lines of `--help` for a terminal of this width. */
export const usage = (columns: number | undefined): string => programUsage({ paragraphs, options }, columns);

/** Returns null for --help. Throws for arguments that it does not understand. */
export function readArguments(args: readonly string[], environment: NodeJS.ProcessEnv): BackupArguments | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: {
      data: { type: "string" },
      keep: { type: "string" },
      "key-to": { type: "string" },
      "max-rate": { type: "string" },
      "accept-loss": { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    return null;
  }
  assertTogether(values);
  return {
    target: onlyPlace(positionals, "moraine backup DIR"),
    dataFolder: values.data ?? (environment["MORAINE_DATA"] || "moraine-data"),
    keep: values.keep === undefined ? null : countOf(values.keep),
    keyTo: values["key-to"] ?? null,
    maxRate: values["max-rate"] === undefined ? null : rateOf(values["max-rate"]),
    acceptLoss: values["accept-loss"],
    check: values.check ? (values.quick ? "quick" : "deep") : null,
    isJson: values.json,
  };
}

const flagsOfBackups = ["data", "keep", "key-to", "max-rate", "accept-loss"] as const;

function assertTogether(values: Readonly<Record<string, unknown>>): void {
  const given = flagsOfBackups.find((name) => values[name] !== undefined && values[name] !== false);
  if (values["check"] === true && given !== undefined) {
    throw new Error(`--check and --${given} exclude each other: --check makes no backup`);
  }
  if (values["quick"] === true && values["check"] !== true) {
    throw new Error("--quick needs --check: a backup always copies all bytes");
  }
}

function onlyPlace(positionals: readonly string[], call: string): string {
  const [folder, ...others] = positionals;
  if (folder === undefined || folder === "" || others.length > 0) {
    throw new Error(`Expected one place, and got ${positionals.length}: ${call}`);
  }
  // Throws for a URL that is none.
  parseBucketUrl(folder);
  return folder;
}

function countOf(text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) {
    throw new Error(`Invalid --keep "${text}": expected a number from 1`);
  }
  return Number(text);
}

function rateOf(text: string): number {
  const bytes = parseSize(text.replace(/\/s$/, ""));
  if (bytes === null || bytes === 0) {
    throw new Error(`Invalid --max-rate "${text}": expected bytes a second like 500kB, 50MB or 64MiB`);
  }
  return bytes;
}
