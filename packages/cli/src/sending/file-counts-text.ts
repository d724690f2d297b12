import { bytesExactly } from "../arguments/sizes.ts";
import { listing } from "../terminal/table.ts";
import type { Amount, FileCounts } from "./files-progress.ts";

/** Formats the result of a run for a person, a line for each state that a file had. */
export function countsText(counts: FileCounts, words: { readonly done: string; readonly known: string }): string {
  const { done, known, leftOut, unknown, failed } = counts;
  return listing({
    [words.done]: amountText(done),
    ...(known.files > 0 && { [words.known]: amountText(known) }),
    ...(leftOut > 0 && { "left out": filesText(leftOut) }),
    ...(unknown > 0 && { "not known": filesText(unknown) }),
    ...(failed > 0 && { failed: filesText(failed) }),
  });
}

export const amountText = ({ files, bytes }: Amount): string => `${filesText(files)}, ${bytesExactly(bytes)}`;

const filesText = (files: number): string => `${files} ${files === 1 ? "file" : "files"}`;

/** Error thrown at the end of a run in which some files failed, after all others were dealt with. */
export class SomeFailedError extends Error {
  override readonly name = "SomeFailedError";
}

/** Throws SomeFailedError unless all files were dealt with. */
export function assertAllDone(
  { failed, unknown }: Pick<FileCounts, "failed" | "unknown">,
  advice: string,
  unit: "files" | "archives" = "files",
): void {
  if (failed + unknown > 0) {
    const counted = `${failed} ${failed === 1 ? unit.slice(0, -1) : unit}`;
    const what = [failed > 0 ? `${counted} failed` : "", unknown > 0 ? `${unknown} unknown` : ""];
    throw new SomeFailedError(`${what.filter(Boolean).join(", ")}: see above. ${advice}`);
  }
}
