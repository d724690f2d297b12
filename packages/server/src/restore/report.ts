import type { Missing } from "../backup/copy-segments.ts";
import { asciiJson, onOneLine } from "../settings/safe-text.ts";
import { wrapped } from "../settings/wrapped.ts";
import type { RestoreResult } from "./restore.ts";

/** Prints what a restore lacks, and what it restored. */
export interface RestoreReport {
  missing(missing: Missing): void;
  restored(result: RestoreResult): void;
}

const indent = "    ";

export function textReport(write: (line: string) => void, width: number): RestoreReport {
  const line = (text: string) => write(wrapped(onOneLine(text), width - indent.length).replaceAll("\n", `\n${indent}`));
  return {
    missing: ({ file, reason }) => line(`not restored: ${file === null ? "" : `blobs/${file}: `}${reason}`),
    restored: (result) => sentencesOf(result).forEach(line),
  };
}

function sentencesOf({ dataFolder, manifest, totals, newer, hasKey }: RestoreResult): string[] {
  const { name, startedAt, auditHead, sealingKey, accountId, region } = manifest;
  return [
    `restored the backup ${name} to ${dataFolder}`,
    `it holds what was acknowledged before ${startedAt}, up to audit entry ${auditHead.sequence}, of account ${accountId} in ` +
      `region ${region}: ${totals.count} segments of ${totals.bytes} bytes`,
    ...(newer === null ? [] : [`lost, as accepted: what ${newer.source} knows, up to audit entry ${newer.sequence}`]),
    ...(hasKey ? [] : [keyHint(sealingKey, dataFolder)]),
  ];
}

function keyHint(place: RestoreResult["manifest"]["sealingKey"], dataFolder: string): string {
  return place === "secrets.key"
    ? `before a server can start: copy secrets.key to ${dataFolder}/secrets.key, with mode 0600`
    : "start the server with --sealing-key, as before";
}

export function jsonReport(write: (line: string) => void): RestoreReport {
  return {
    missing: ({ file, reason }) =>
      write(asciiJson({ type: "missing", message: reason, ...(file !== null && { file: `blobs/${file}` }) })),
    restored: ({ dataFolder, manifest, totals, newer, hasKey }) =>
      write(asciiJson({ type: "restore", dataFolder, ...manifest, restored: totals, lost: newer, hasKey })),
  };
}
