import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { dateValue } from "../../arguments/dates.ts";
import { size } from "../../arguments/sizes.ts";
import type { ArchiveFilter } from "../../catalog/archives/archive-filter.ts";
import { type ArchiveState, archiveStates } from "../../catalog/archives/archive-row.ts";

/** The option of each command that uses a catalogue. */
export const catalogFlags = [
  "--catalog <file>",
  "the catalogue's file (default: by the service and the vault)",
] as const;

export interface FilterOptions {
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly createdFrom?: Date;
  readonly createdBefore?: Date;
  readonly nameFormat?: readonly string[];
  readonly state?: readonly ArchiveState[];
}

/** Adds the options that select archives of a catalogue. */
export function addFilterOptions(command: Command): Command {
  return command
    .option("--min-size <size>", "only archives of this size or more, e.g. 10MiB", size)
    .option("--max-size <size>", "only archives of this size or less", size)
    .option("--created-from <date>", "only archives created on or after this date, e.g. 2026-01-31", dateValue)
    .option("--created-before <date>", "only archives created before this date", dateValue)
    .option("--name-format <name>", "only archives with names in this format, e.g. mt2; may be repeated", repeated)
    .option(
      "--state <state>",
      `only archives in this state: ${archiveStates.join(", ")}; may be repeated (default: present and uploaded)`,
      stateValue,
    );
}

export function filterOf(options: FilterOptions): ArchiveFilter {
  const { minSize, maxSize, createdFrom, createdBefore, nameFormat, state } = options;
  return {
    ...(minSize !== undefined && { sizeBytesMin: minSize }),
    ...(maxSize !== undefined && { sizeBytesMax: maxSize }),
    ...(createdFrom !== undefined && { createdFrom }),
    ...(createdBefore !== undefined && { createdBefore }),
    ...(nameFormat !== undefined && { formats: nameFormat }),
    ...(state !== undefined && { states: state }),
  };
}

const repeated = (text: string, earlier: readonly string[] = []) => [...earlier, text];

function stateValue(text: string, earlier: readonly ArchiveState[] = []): readonly ArchiveState[] {
  const state = archiveStates.find((known) => known === text);
  if (state === undefined) {
    throw new InvalidArgumentError(`Expected one of ${archiveStates.join(", ")}.`);
  }
  return [...earlier, state];
}
