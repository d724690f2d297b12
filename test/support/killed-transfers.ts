import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseRecords } from "../../packages/client/src/transfers/journal-file.ts";
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
  /** A kill comes so many milliseconds at most after the run's first request for content. */
  readonly lifeMilliseconds: number;
  /** After so many kills a run is left alone. */
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

/** The ranges that a download's journal calls right. */
export async function recordedRanges(
  journal: string,
  { sizeBytes, rangeSizeBytes }: { readonly sizeBytes: number; readonly rangeSizeBytes: number },
): Promise<string[]> {
  const bytes = await readFile(journal).catch(() => Buffer.alloc(0));
  const records = parseRecords(bytes).records as { range?: number }[];
  return records.flatMap(({ range }) =>
    range === undefined ? [] : `${range * rangeSizeBytes}-${Math.min((range + 1) * rangeSizeBytes, sizeBytes) - 1}`,
  );
}

/** None of the parts that were acknowledged before that request is sent again after it. */
export function assertNoPartAgain(proxy: WatchingProxy, passedBefore: number): void {
  const acknowledged = new Set(
    proxy.passed.slice(0, passedBefore).flatMap(({ range, status }) => (status === 204 ? (range ?? []) : [])),
  );
  const again = proxy.parts(passedBefore).filter(({ range }) => acknowledged.has(range ?? ""));
  assert.deepEqual(again, [], "parts that were acknowledged");
}
