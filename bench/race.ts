import { median } from "./compare.ts";

/** A program in a process of its own: one of those that do the same. */
export interface Program {
  readonly name: string;
  /** The rate that the first program must reach, as a share of this one's. */
  readonly goal?: number;
  run(): Promise<ProgramRun>;
  /** Cleans up, off the clock. */
  after?(): Promise<void>;
}

/** The work and the cost of one run. */
export interface ProgramRun {
  readonly amount: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Medians of each program; rates in units a second. */
export interface Race {
  readonly name: string;
  readonly unit: "bytes" | "rows" | "archives";
  readonly programs: readonly ProgramFigure[];
}

export interface ProgramFigure {
  readonly name: string;
  readonly rate: number;
  readonly cpuSeconds: number;
  readonly peakBytes: number;
  /** The first program's rate in terms of this one's: the median of the rounds' ratios. */
  readonly ratio: number;
  readonly goal: number | null;
}

/** Runs programs in turns, from their start to their end, and takes medians. */
export async function race(
  { name, unit, rounds }: { name: string; unit: Race["unit"]; rounds: number },
  programs: readonly Program[],
): Promise<Race> {
  const runs = programs.map((): ProgramRun[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, program] of programs.entries()) {
      runs[index]?.push(await program.run());
      await program.after?.();
    }
  }
  return {
    name,
    unit,
    programs: programs.map((program, index) => figureOf(program, runs[index] ?? [], runs[0] ?? [])),
  };
}

function figureOf({ name, goal }: Program, runs: readonly ProgramRun[], first: readonly ProgramRun[]): ProgramFigure {
  return {
    name,
    rate: median(runs.map(rateOf)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
    ratio: median(runs.map((run, round) => rateOf(first[round] ?? run) / rateOf(run))),
    goal: goal ?? null,
  };
}

const rateOf = ({ amount, seconds }: ProgramRun): number => amount / seconds;
