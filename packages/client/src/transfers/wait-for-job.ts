import { setTimeout as sleep } from "node:timers/promises";
import type { GlacierClient } from "../client.ts";
import { never, type TransferOptions } from "./events.ts";
import { type JobReference, type OutputFacts, outputFacts } from "./output-facts.ts";
import { JobNotReadyError } from "./transfer-errors.ts";

const pauseMillisecondsFirst = 50;
const pauseMillisecondsMax = 60_000;
const pauseGrowth = 1.5;

export interface WaitOptions extends TransferOptions {
  /** Give up with JobNotReadyError after so long; 0 asks once. @default no limit: jobs take hours */
  readonly waitMillisecondsMax?: number | undefined;
}

/**
 * Resolves with what is known of the output once the job has succeeded. Asks at once, then ever more seldom, at last each
 * minute. Throws JobFailedError, and JobNotReadyError when the wait was to end.
 */
export async function waitForJob(
  client: GlacierClient,
  job: JobReference,
  { waitMillisecondsMax = Number.POSITIVE_INFINITY, signal = never, onEvent }: WaitOptions = {},
): Promise<OutputFacts> {
  if (!(waitMillisecondsMax >= 0)) {
    throw new RangeError(`Invalid waitMillisecondsMax ${waitMillisecondsMax}: expected 0 or more`);
  }
  const end = performance.now() + waitMillisecondsMax;
  for (let pause = pauseMillisecondsFirst; ; pause = Math.min(pause * pauseGrowth, pauseMillisecondsMax)) {
    try {
      const facts = await outputFacts(client, job, signal);
      onEvent?.({ kind: "job", jobId: job.jobId, state: "succeeded" });
      return facts;
    } catch (error) {
      const left = end - performance.now();
      if (!(error instanceof JobNotReadyError) || left <= 0) {
        throw error;
      }
      onEvent?.({ kind: "job", jobId: job.jobId, state: "waiting" });
      await sleep(Math.min(pause, left), undefined, { signal });
    }
  }
}
