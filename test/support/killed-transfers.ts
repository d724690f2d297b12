import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseRecords } from "../../packages/client/src/transfers/journal/journal-file.ts";
import type { Random } from "./random.ts";
import { cleanEnvironment, type Ending, endingOf, repositoryRoot, within } from "./server-process.ts";
import type { TransferOrder } from "./transfer-child.ts";
import type { WatchingProxy } from "./watching-proxy.ts";

const childFile = fileURLToPath(new URL("./transfer-child.ts", import.meta.url));
const childMillisecondsMax = 300_000;

export interface KillPlan {
  readonly proxy: WatchingProxy;
  /** The transfer, in a process of its own. */
  readonly start: () => ChildProcess;
  readonly random: Random;
  /** A kill comes this many milliseconds at most after the run's first request for content. */
  readonly lifeMilliseconds: number;
  /** After this many kills a run is left alone. */
  readonly kills: number;
  /** Which requests carry content. */
  readonly isContent: (request: { readonly method: string; readonly path: string }) => boolean;
  /** Called before each run with the number of requests that have passed. */
  readonly beforeRun: (passed: number) => Promise<void>;
  /** Called after each run with the number of requests that had passed before it. */
  readonly afterRun: (passedBefore: number) => Promise<void>;
}

/** Runs a transfer again and again, killing it at random moments, until it is done; gives what the last run printed. */
export async function killUntilDone(plan: KillPlan): Promise<{ result: string; kills: number }> {
  for (let kills = 0; ; ) {
    const before = plan.proxy.passed.length;
    await plan.beforeRun(before);
    const ending = await run(plan, kills < plan.kills);
    await plan.afterRun(before);
    if (ending.code === 0) {
      return { result: ending.stdout, kills };
    }
    if (ending.signal !== "SIGKILL") {
      throw new Error(`The transfer failed by itself: ${ending.stderr}`);
    }
    kills += 1;
  }
}

/** A transfer by the library. */
export function startTransfer(order: TransferOrder): ChildProcess {
  return spawn(process.execPath, ["--conditions=@moraine/source", childFile, JSON.stringify(order)], {
    cwd: repositoryRoot,
    env: { ...cleanEnvironment(), NODE_COMPILE_CACHE: "node_modules/.cache/moraine" },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function run(
  { proxy, start, random, lifeMilliseconds, isContent }: KillPlan,
  isKilled: boolean,
): Promise<Ending> {
  const child = start();
  const ended = endingOf(child);
  const life = random.fraction() * lifeMilliseconds;
  const from = proxy.passed.length;
  const kill = async () => {
    const hasBegun = () => proxy.passed.slice(from).some(isContent);
    while (child.exitCode === null && !hasBegun()) {
      await sleep(2);
    }
    await sleep(life);
    child.kill("SIGKILL");
  };
  try {
    const [ending] = await Promise.all([
      within(childMillisecondsMax, ended, "the transfer does not end"),
      isKilled ? kill() : undefined,
    ]);
    return ending;
  } finally {
    child.kill("SIGKILL");
  }
}

/** Watches a download that is killed again and again: what its journal calls right is not fetched again. */
export class RangeWatch implements Pick<KillPlan, "beforeRun" | "afterRun"> {
  /** The most ranges that were recorded when a run began. */
  mostRecorded = 0;
  readonly #proxy: WatchingProxy;
  readonly #journal: string;
  readonly #sizeBytes: number;
  #recorded: string[] = [];

  /** @param sizeBytes of the output. */
  constructor(proxy: WatchingProxy, journal: string, sizeBytes: number) {
    this.#proxy = proxy;
    this.#journal = journal;
    this.#sizeBytes = sizeBytes;
  }

  readonly beforeRun = async (): Promise<void> => {
    this.#recorded = await recordedRanges(this.#journal, this.#sizeBytes);
    this.mostRecorded = Math.max(this.mostRecorded, this.#recorded.length);
    const asked = new Set(this.#proxy.ranges());
    assert.ok(
      this.#recorded.every((range) => asked.has(range)),
      `never asked for, and recorded: ${this.#recorded.filter((range) => !asked.has(range)).join(", ")}`,
    );
  };

  readonly afterRun = async (passedBefore: number): Promise<void> => {
    const again = this.#proxy.ranges(passedBefore).filter((range) => this.#recorded.includes(range));
    assert.deepEqual(again, [], "ranges that were recorded");
  };
}

async function recordedRanges(journal: string, sizeBytes: number): Promise<string[]> {
  const bytes = await readFile(journal).catch(() => Buffer.alloc(0));
  const [head, ...records] = parseRecords(bytes).records as [{ rangeSizeBytes: number }?, ...{ range: number }[]];
  const length = head?.rangeSizeBytes ?? 0;
  return records.map(({ range }) => `${range * length}-${Math.min((range + 1) * length, sizeBytes) - 1}`);
}

/** Watches an upload likewise: what the server has acknowledged is not sent again. */
export class PartWatch implements Pick<KillPlan, "beforeRun" | "afterRun"> {
  /** The most parts that were acknowledged when a run began. */
  mostAcknowledged = 0;
  readonly #proxy: WatchingProxy;
  #acknowledged = new Set<string | null>();

  constructor(proxy: WatchingProxy) {
    this.#proxy = proxy;
  }

  readonly beforeRun = async (): Promise<void> => {
    const parts = this.#proxy.parts().filter(({ status }) => status === 204);
    this.#acknowledged = new Set(parts.map(({ range }) => range));
    this.mostAcknowledged = this.#acknowledged.size;
  };

  readonly afterRun = async (passedBefore: number): Promise<void> => {
    const again = this.#proxy.parts(passedBefore).filter(({ range }) => this.#acknowledged.has(range));
    assert.deepEqual(again, [], "parts that were acknowledged");
  };
}
