import type { HistoryReport } from "../metadata/sqlite/generation.ts";
import { markerName } from "./marker.ts";
import type { QuarantineTotals } from "./quarantine.ts";

/** The database is not the one that the last run left. */
export function historyNotices({ restored, quarantined }: HistoryReport): readonly string[] {
  if (restored === null) {
    return [];
  }
  const expected = restored.expected === null ? `no ${markerName} exists` : `${markerName} says ${restored.expected}`;
  return [
    `The database was restored from a copy: it is of generation ${restored.generation}, and ${expected}. What was acknowledged ` +
      `after the copy is lost; ${quarantined} unfinished segments of the copy were kept in quarantine/, since they may have been completed later`,
  ];
}

export function quarantineNotices(
  folder: string,
  { files, sizeBytes, isPartial }: QuarantineTotals,
): readonly string[] {
  if (files === 0) {
    return [];
  }
  const size = `${isPartial ? "more than " : ""}${sizeBytes} bytes`;
  return [
    `${folder}/quarantine holds ${files} files of ${size}: segments that were not finished when the database's history was ` +
      "interrupted, and may have been acknowledged, or damaged files that were replaced by their copy; remove them once you have looked at them",
  ];
}
