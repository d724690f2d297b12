import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Call, History, Outcome } from "../../support/history/calls.ts";
import { observe } from "../../support/history/observe.ts";
import { HistoryRecorder } from "../../support/history/recorder.ts";
import { Random } from "../../support/random.ts";
import { startServer } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { type FoundViolation, violationsOf } from "../violations.ts";
import { advance, type Kind, kinds, kindsInTime } from "./kinds.ts";

export interface RacesOptions {
  readonly seed: number;
  /** How many races. */
  readonly count: number;
  /** Ends with the batch that shows the first violation. */
  readonly stopsAtViolation?: boolean;
  /** A service that runs already, and whose clock nobody can move. @default servers of its own, each with a new folder */
  readonly url?: string;
  /** @default those of a service that keeps its leases */
  readonly kinds?: Readonly<Record<string, Kind>>;
}

export interface RacesResult {
  readonly rig: "races";
  readonly seed: number;
  /** Each of up to 20 races. */
  readonly batches: number;
  readonly calls: number;
  readonly succeeded: number;
  readonly refused: number;
  readonly unknown: number;
  readonly violations: readonly FoundViolation[];
  readonly seconds: number;
}

/** Races of one history: as many as the checker takes in a moment, and as many connections as there are callers. */
const racesOfBatch = 20;
/** An account may have 1,000 vaults, and each race has one. */
const racesOfServer = 900;
/** Calls begin within this, so that those which take longer are sometimes first. */
const latestMilliseconds = 30;

/** Races callers against each other, and judges what each of them saw. */
export async function runRaces(options: RacesOptions): Promise<RacesResult> {
  const { seed, count, stopsAtViolation } = options;
  const random = new Random(seed);
  const began = performance.now();
  const histories: History[] = [];
  const violations: FoundViolation[] = [];
  for (let races = 0; races < count; races += racesOfServer) {
    const share = Math.min(racesOfServer, count - races);
    const own =
      options.url === undefined
        ? raceOnServer(share, random)
        : raceOn(options.url, share, { random, first: races, kinds: options.kinds });
    for await (const history of own) {
      histories.push(history);
      violations.push(...violationsOf(history));
      if (stopsAtViolation === true && violations.length > 0) {
        return { ...countsOf(histories), seed, violations, seconds: secondsSince(began) };
      }
    }
  }
  return { ...countsOf(histories), seed, violations, seconds: secondsSince(began) };
}

const secondsSince = (began: number): number => (performance.now() - began) / 1000;

/** Yields the history of each batch of races on one server, whose folder is new. */
async function* raceOnServer(count: number, random: Random): AsyncGenerator<History, void> {
  await using folder = await temporaryFolder();
  await using server = await startServer({
    dataFolder: join(folder.path, "data"),
    flags: ["--clock", "manual"],
  });
  yield* raceOn(server.url, count, { random, first: 0, clockMoves: true });
  await server.stop();
}

interface RaceOptions {
  readonly random: Random;
  /** Races before these had vaults of the same service. */
  readonly first: number;
  /** Whether the service's clock can be moved. @default false */
  readonly clockMoves?: boolean;
  readonly kinds?: RacesOptions["kinds"];
}

async function* raceOn(
  url: string,
  count: number,
  { random, first: before, clockMoves = false, kinds: given }: RaceOptions,
): AsyncGenerator<History, void> {
  await using folder = await temporaryFolder();
  for (let first = 0; first < count; first += racesOfBatch) {
    const path = join(folder.path, `history-${first}`);
    const races = Math.min(racesOfBatch, count - first);
    yield await runBatch({ path, races, vaultPrefix: `batch${before + first}-`, random, url, clockMoves, given });
  }
}

interface Batch {
  readonly path: string;
  readonly races: number;
  readonly vaultPrefix: string;
  readonly random: Random;
  readonly url: string;
  readonly clockMoves: boolean;
  readonly given: RacesOptions["kinds"];
}

async function runBatch({ path, races: count, vaultPrefix, random, url, clockMoves, given }: Batch): Promise<History> {
  await using recorder = await HistoryRecorder.create(path);
  const caller = new HistoryCaller(url, vaultPrefix);
  const make = (call: Call): Promise<Outcome> => recorder.record(call, (each) => caller.perform(each));
  const isInTime = clockMoves && random.whole(1, 4) === 1;
  const choices = Object.values<Kind>(given ?? (isInTime ? kindsInTime : kinds));
  const races = Array.from({ length: count }, (_, at) => `${vaultPrefix}${at}`).flatMap(
    (vault) => random.oneOf(choices)?.({ vault, random }) ?? [],
  );
  await Promise.all(races.map(({ before }) => inTurn(before, make)));
  const atOnce = [...races.flatMap((race) => race.atOnce), ...(isInTime ? [advance] : [])];
  await Promise.all(
    atOnce.map(async (call) => {
      await sleep(random.whole(0, latestMilliseconds));
      await make(call);
    }),
  );
  await observe(recorder, make);
  caller.close();
  return recorder.entries;
}

async function inTurn(calls: readonly Call[], make: (call: Call) => Promise<unknown>): Promise<void> {
  for (const call of calls) {
    await make(call);
  }
}

function countsOf(histories: readonly History[]) {
  const outcomes = histories.flat().flatMap((entry) => ("end" in entry ? [entry.outcome.kind] : []));
  const countOf = (kind: Outcome["kind"]) => outcomes.filter((one) => one === kind).length;
  return {
    rig: "races" as const,
    batches: histories.length,
    calls: outcomes.length,
    succeeded: countOf("ok"),
    refused: countOf("refused"),
    unknown: countOf("unknown"),
  };
}
