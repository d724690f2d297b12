import { availableParallelism } from "node:os";
import { type CpuTimes, cpuTimes, forgetPeak, peakBytes } from "./process-usage.ts";

/** One of the things that are compared. */
export interface Contestant {
  readonly name: string;
  /** Does it once; resolves to how much was done, in bytes or requests. */
  run(): Promise<number>;
  /** Cleans up, off the clock. */
  after?(): Promise<void>;
}

export interface Reference extends Contestant {
  /** The rate that ours must reach, as a share of this one's. */
  readonly goal?: number;
}

export interface Comparison {
  readonly name: string;
  readonly unit: "bytes" | "requests";
  readonly serverPid: number;
  run(): Promise<number>;
  /** The rate that ours must reach, in units a second. */
  readonly goal?: number;
  /** The CPU that the server's main thread may take for a GiB, in seconds; only where the unit is bytes. */
  readonly mainSecondsPerGibibyteMax?: number;
  readonly references?: readonly Reference[];
}

/** The result of a comparison; rates in units a second. */
export interface Figure {
  readonly name: string;
  readonly unit: "bytes" | "requests";
  readonly rate: number;
  readonly goal: number | null;
  readonly references: readonly ReferenceFigure[];
  /** CPU of the server's main thread for a GiB, in seconds, and its goal; null where there is no goal. */
  readonly mainCost: { readonly secondsPerGibibyte: number; readonly goal: number } | null;
  /** Units for each second of CPU that the server spent. */
  readonly perCpuSecond: number | null;
  readonly serverPeakBytes: number | null;
  readonly limitedBy: string;
}

export interface ReferenceFigure {
  readonly name: string;
  readonly rate: number;
  /** Our rate in terms of this one: the median of the rounds' ratios. */
  readonly ratio: number;
  readonly goal: number | null;
}

interface Sample {
  readonly amount: number;
  readonly seconds: number;
  readonly cpu: CpuTimes;
}

const rounds = 5;

/**
 * Runs ours and the references in turns, so that whatever else the machine does disturbs all of them alike, and takes
 * medians. The first turn warms up: code is compiled, memory touched and files cached in it.
 */
export async function compare(comparison: Comparison): Promise<Figure> {
  const { serverPid, references = [] } = comparison;
  const own: Sample[] = [];
  const others = references.map((): Sample[] => []);
  for (let round = -1; round < rounds; round += 1) {
    const sample = await measure(comparison, serverPid);
    const referenceSamples: Sample[] = [];
    for (const reference of references) {
      referenceSamples.push(await measure(reference, serverPid));
      await reference.after?.();
    }
    if (round < 0) {
      forgetPeak(serverPid);
    } else {
      own.push(sample);
      referenceSamples.forEach((other, index) => {
        others[index]?.push(other);
      });
    }
  }
  return figureOf(comparison, own, others);
}

async function measure({ run }: Pick<Contestant, "run">, serverPid: number): Promise<Sample> {
  const before = cpuTimes(serverPid);
  const start = performance.now();
  const amount = await run();
  const seconds = (performance.now() - start) / 1000;
  const after = cpuTimes(serverPid);
  const cpu = {
    server: difference(after.server, before.server),
    serverMain: difference(after.serverMain, before.serverMain),
    client: after.client - before.client,
    machine: after.machine - before.machine,
  };
  return { amount, seconds, cpu };
}

const difference = (after: number | null, before: number | null) =>
  after === null || before === null ? null : after - before;

function figureOf(
  { name, unit, serverPid, goal, mainSecondsPerGibibyteMax, references = [] }: Comparison,
  own: readonly Sample[],
  others: ReadonlyArray<readonly Sample[]>,
): Figure {
  return {
    name,
    unit,
    rate: median(own.map(rateOf)),
    goal: goal ?? null,
    references: references.map((reference, index) => {
      const samples = others[index] ?? [];
      return {
        name: reference.name,
        rate: median(samples.map(rateOf)),
        ratio: median(samples.map((other, round) => rateOf(own[round] ?? other) / rateOf(other))),
        goal: reference.goal ?? null,
      };
    }),
    mainCost:
      mainSecondsPerGibibyteMax === undefined
        ? null
        : { secondsPerGibibyte: mainSecondsPerGibibyte(own), goal: mainSecondsPerGibibyteMax },
    perCpuSecond: perCpuSecond(own),
    serverPeakBytes: peakBytes(serverPid),
    limitedBy: limitOf(own),
  };
}

const rateOf = ({ amount, seconds }: Sample): number => amount / seconds;

/** Over all rounds: the system counts CPU time in steps that are coarse for one. */
function perCpuSecond(samples: readonly Sample[]): number | null {
  const seconds = samples.reduce((sum, { cpu }) => sum + (cpu.server ?? 0), 0);
  return seconds === 0 ? null : samples.reduce((sum, { amount }) => sum + amount, 0) / seconds;
}

const gibibyte = 1024 ** 3;

/** The median of the rounds. Unlike a rate it hardly depends on how many cores there are, or on what else they do. */
function mainSecondsPerGibibyte(samples: readonly Sample[]): number {
  return median(samples.map(({ amount, cpu }) => ((cpu.serverMain ?? Number.NaN) / amount) * gibibyte));
}

const nearlyAll = 0.85;

/** Names the limit by the split of CPU time: the part that was busy all the time, or that all waited for something else. */
function limitOf(samples: readonly Sample[]): string {
  const cores = availableParallelism();
  const share = (pick: (cpu: CpuTimes) => number | null) =>
    median(samples.map(({ cpu, seconds }) => (pick(cpu) ?? Number.NaN) / seconds));
  const server = share((cpu) => cpu.server);
  const main = share((cpu) => cpu.serverMain);
  const client = share((cpu) => cpu.client);
  const machine = share((cpu) => cpu.machine);
  if (Number.isNaN(server)) {
    return "unknown on this system";
  }
  const split = `server ${server.toFixed(2)} (main thread ${main.toFixed(2)}) + client ${client.toFixed(2)} of ${cores} cores`;
  if (server + client > nearlyAll * cores) {
    return `CPU: ${split}`;
  }
  if (main > nearlyAll) {
    return `server's main thread: ${split}`;
  }
  if (client > nearlyAll) {
    return `client: ${split}`;
  }
  if (machine > nearlyAll * cores) {
    return `other programs (machine ${machine.toFixed(2)}): ${split}`;
  }
  return `waiting (disk, wake-ups): ${split}`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}
