import type { Random } from "../../support/random.ts";
import type { DiskEntry } from "./disk-log.ts";
import type { DiskRecording } from "./recording.ts";

/** The part that is found of the writes that no flush had made durable. */
export type Survival = "nothing" | "everything" | "some writes" | "some blocks";

export interface PowerCut {
  /** The log's length when the power was cut. */
  readonly at: number;
  readonly survival: Survival;
}

const survivalsOfAll: readonly Survival[] = ["nothing", "everything", "some writes", "some blocks"];

interface CutOptions {
  /** @default each */
  readonly survivals?: readonly Survival[] | undefined;
  /** This many are drawn from more cuts. */
  readonly count: number;
  readonly random: Random;
}

/** Cuts just before each flush, just after each response, and at the end, for each survival. */
export function powerCuts(
  { interrupted: { from, to }, responses }: Pick<DiskRecording, "interrupted" | "responses">,
  entries: readonly DiskEntry[],
  { survivals = survivalsOfAll, count, random }: CutOptions,
): PowerCut[] {
  const flushes = entries.filter(({ kind }) => kind === "flush").map(({ beginsAt }) => beginsAt);
  const moments = new Set([...flushes, ...responses, to].filter((at) => at > from && at <= to));
  const cuts = [...moments]
    .sort((one, other) => one - other)
    .flatMap((at) => survivals.map((survival) => ({ at, survival, draw: random.fraction() })));
  const limit = cuts.map(({ draw }) => draw).sort((one, other) => one - other)[count] ?? 1;
  return cuts.filter(({ draw }) => draw < limit);
}
