import type { SQLInputValue } from "node:sqlite";
import { type ArchiveState, stateNumber } from "./archive-row.ts";
import type { FormatNames } from "./format-names.ts";

/** Which archives to take: those that fulfil all that is given. */
export interface ArchiveFilter {
  /** @default present and uploaded */
  readonly states?: readonly ArchiveState[];
  readonly sizeBytesMin?: number;
  readonly sizeBytesMax?: number;
  /** Created at this time or later. */
  readonly createdFrom?: Date;
  /** Created before this time. */
  readonly createdBefore?: Date;
  readonly formats?: readonly string[];
  /** Known to the catalogue no later than this archive: numbers rise. */
  readonly numberMax?: number;
}

export const defaultStates: readonly ArchiveState[] = ["present", "uploaded"];

export interface FilterSql {
  /** A condition on the columns of archives. */
  readonly condition: string;
  readonly values: readonly SQLInputValue[];
}

export function filterSql(filter: ArchiveFilter, formats: FormatNames): FilterSql {
  const { states = defaultStates } = filter;
  const conditions = [`state IN (${states.map(stateNumber).join(", ")})`];
  const values: SQLInputValue[] = [];
  const limit = (condition: string, value: number | undefined) => {
    if (value !== undefined) {
      conditions.push(condition);
      values.push(value);
    }
  };
  limit("size_bytes >= ?", filter.sizeBytesMin);
  limit("size_bytes <= ?", filter.sizeBytesMax);
  limit("created_at >= ?", filter.createdFrom?.getTime());
  limit("created_at < ?", filter.createdBefore?.getTime());
  limit("number <= ?", filter.numberMax);
  if (filter.formats !== undefined) {
    const numbers = filter.formats.map((name) => formats.known(name)).filter((number) => number !== null);
    conditions.push(`format IN (${numbers.join(", ")})`);
  }
  return { condition: conditions.join(" AND "), values };
}
