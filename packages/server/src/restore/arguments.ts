import { parseArgs } from "node:util";
import { programUsage } from "../settings/program-usage.ts";
import { parseBucketUrl } from "../storage/s3/bucket-url.ts";

export interface RestoreArguments {
  readonly source: string;
  readonly dataFolder: string;
  /** Name of a backup; null for the newest. */
  readonly backup: string | null;
  readonly keyFile: string | null;
  readonly anchorFile: string | null;
  readonly publicKey: string | null;
  readonly acceptLoss: boolean;
  readonly isJson: boolean;
}

const options: ReadonlyArray<[flag: string, help: string]> = [
  ["--backup NAME", "the backup to restore (the newest)"],
  ["--key FILE", "a copy of secrets.key, to be put into the data folder"],
  ["--anchor FILE", "signed anchors, one a line: refuse a backup that is older, or of another history"],
  ["--public-key KEY", "the key that must have signed the anchors (the one of the first anchor)"],
  ["--accept-loss", "restore although something newer is known: it is lost, and the audit trail says so"],
  ["--json", "print one JSON object a line: problems, then the result"],
  ["--help", "print this"],
];

const paragraphs = [
  "moraine restore BACKUPS DIR [FLAGS]: makes the data folder DIR of a backup, and verifies every byte of it",
  "BACKUPS is a folder, or s3://BUCKET/PREFIX as for moraine backup. DIR must be missing or empty. After an interruption, the same command continues.",
  "Exit codes: 0 restored and sound, 1 restored with damage, 2 could not restore.",
] as const;

/** Returns the lines of `--help` for a terminal of this width. */
export const usage = (columns: number | undefined): string => programUsage({ paragraphs, options }, columns);

/** Returns null for --help. Throws for arguments that it does not understand. */
export function readArguments(args: readonly string[]): RestoreArguments | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: true,
    options: {
      backup: { type: "string" },
      key: { type: "string" },
      anchor: { type: "string" },
      "public-key": { type: "string" },
      "accept-loss": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    return null;
  }
  const [source, dataFolder, ...others] = positionals;
  if (!source || !dataFolder || others.length > 0) {
    throw new Error(`Expected two folders, and got ${positionals.length}: moraine restore BACKUPS DIR`);
  }
  parseBucketUrl(source);
  if (parseBucketUrl(dataFolder) !== null) {
    throw new Error(`Invalid folder "${dataFolder}": a bucket cannot be a data folder`);
  }
  if (values["public-key"] !== undefined && values.anchor === undefined) {
    throw new Error("--public-key needs --anchor: it is the key that signed the anchors");
  }
  return {
    source,
    dataFolder,
    backup: values.backup ?? null,
    keyFile: values.key ?? null,
    anchorFile: values.anchor ?? null,
    publicKey: values["public-key"] ?? null,
    acceptLoss: values["accept-loss"],
    isJson: values.json,
  };
}
