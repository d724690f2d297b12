import { asciiJson, onOneLine } from "../settings/safe-text.ts";
import { wrapped } from "../settings/wrapped.ts";
import type { BackupFinding, CheckTotals } from "./check-backups.ts";
import type { Missing } from "./copy-segments.ts";
import type { CheckLevel } from "./segment-check.ts";
import type { BackupResult } from "./take-backup.ts";

/** Prints what a backup or a check found, and its result. */
export interface BackupReport {
  missing(missing: Missing): void;
  finding(finding: BackupFinding): void;
  backup(result: BackupResult): void;
  check(totals: CheckTotals, level: CheckLevel): void;
}

const indent = "    ";

export function textReport(write: (line: string) => void, width: number): BackupReport {
  const indented = (text: string) => wrapped(onOneLine(text), width - indent.length).replaceAll("\n", `\n${indent}`);
  const line = (text: string) => write(indented(text));
  return {
    missing({ file, reason }) {
      line(`not in the backup: ${file === null ? "" : `blobs/${file}: `}${reason}`);
    },
    finding({ code, message, backup, file }) {
      line(`${code}: ${message}`);
      for (const [name, value] of Object.entries({ backup, file })) {
        if (value !== undefined) {
          write(`  ${indented(`${name}: ${value}`)}`);
        }
      }
    },
    backup: (result) => sentencesOf(result).forEach(line),
    check({ backups, segments, bytes, findings }, level) {
      line(findings === 0 ? "no damage found" : `${counted(findings, "finding")}: damage found`);
      line(
        `checked ${counted(backups, "backup")} with ${counted(segments, "segment")} of ${counted(bytes, "byte")}` +
          (level === "quick" ? "; lengths only (without --quick, every byte is read)" : "; every byte read"),
      );
    },
  };
}

function sentencesOf({ manifest, copied, removed }: BackupResult): string[] {
  const { name, segments, missingSegments, database, auditHead, sealingKey, startedAt } = manifest;
  const { backups } = removed;
  return [
    missingSegments === 0
      ? `the backup ${name} is complete`
      : `the backup ${name} lacks ${counted(missingSegments, "segment")}: moraine verify names their archives`,
    `it holds what was acknowledged before ${startedAt}, up to audit entry ${auditHead.sequence}: ` +
      `${counted(segments.count, "segment")} of ${counted(segments.bytes, "byte")}, ${copied.copiedCount} of them new ` +
      `(${counted(copied.copiedBytes, "byte")}), and a database of ${counted(database.bytes, "byte")}`,
    ...(backups.length === 0 ? [] : [`removed ${backups.join(", ")}, and ${counted(removed.segments, "segment")}`]),
    ...(removed.failure === null ? [] : [`what is too old could not be removed: ${removed.failure}`]),
    sealingKey === "secrets.key"
      ? "secrets.key is not in it, and a restored server needs it: --key-to FILE copies it to a file elsewhere"
      : "the file of --sealing-key is not in it, and a restored server needs it",
  ];
}

export function jsonReport(write: (line: string) => void): BackupReport {
  return {
    missing: ({ file, reason }) =>
      write(asciiJson({ type: "missing", message: reason, ...(file !== null && { file: `blobs/${file}` }) })),
    finding: (finding) => write(asciiJson({ type: "finding", ...finding })),
    backup: ({ manifest, copied, removed }) =>
      write(
        asciiJson({
          type: "backup",
          ...manifest,
          ...copied,
          removedBackups: removed.backups,
          removedSegments: removed.segments,
          removalFailure: removed.failure,
        }),
      ),
    check: (totals, level) => write(asciiJson({ type: "summary", ...totals, level })),
  };
}

const counted = (count: number, one: string): string => `${count} ${count === 1 ? one : `${one}s`}`;
