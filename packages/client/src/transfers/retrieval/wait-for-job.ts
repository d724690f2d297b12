import { setTimeout as sleep } from "node:timers/promises";
import type { GlacierClient } from "../../glacier-client.ts";
import { persistentClient } from "../../persistent-client.ts";
import { type JobReference, type OutputFacts, outputFacts } from "../download/output-facts.ts";
import { neverAborted, type TransferEvent, type TransferOptions } from "../events.ts";
import { transferClient } from "../transfer-client.ts";
import { JobNotReadyError } from "../transfer-errors.ts";

const pauseMillisecondsFirst = 50;
const pauseMillisecondsMax = 60_000;
const pauseGrowth = 1.5;
/** Node fires timers of longer durations at once. */
const timerMillisecondsMax = 2 ** 31 - 1;

export interface WaitOptions extends TransferOptions {
  /** Throws JobNotReadyError after this time; 0 asks once. @default no limit: jobs take hours */
  readonly waitMillisecondsMax?: number | undefined;
}

export interface SizeCheck {
  /** Called once with the archive's size if the job is not ready; ends the wait by throwing. */
  readonly checkSize?: ((sizeBytes: number) => Promise<void>) | undefined;
}

/**
 * Resolves to the facts of the output once the job has succeeded. Asks at once, then at growing intervals of up to a minute. An outage of
 * the service does not end the wait. Throws JobFailedError, and JobNotReadyError at the end of the wait.
 */
export async function waitForJob(
  client: GlacierClient,
  job: JobReference,
  options: WaitOptions & SizeCheck = {},
): Promise<OutputFacts> {
  const { waitMillisecondsMax = Number.POSITIVE_INFINITY, signal = neverAborted, onEvent } = options;
  if (!(waitMillisecondsMax >= 0)) {
    throw new RangeError(`Invalid waitMillisecondsMax ${waitMillisecondsMax}: expected 0 or more`);
  }
  const end = performance.now() + waitMillisecondsMax;
  for (let pause = pauseMillisecondsFirst; ; pause = Math.min(pause * pauseGrowth, pauseMillisecondsMax)) {
    try {
      const facts = await askWithin(client, job, end - performance.now(), options);
      onEvent?.({ kind: "job", jobId: job.jobId, state: "succeeded" });
      return facts;
    } catch (error) {
      const left = end - performance.now();
      if (!(error instanceof JobNotReadyError) || left <= 0) {
        throw error;
      }
      if (pause === pauseMillisecondsFirst && error.sizeBytes !== null) {
        await options.checkSize?.(error.sizeBytes);
      }
      onEvent?.({ kind: "job", jobId: job.jobId, state: "waiting" });
      await sleep(Math.min(pause, left), undefined, { signal });
    }
  }
}

/** Asks once, and retries an outage until the end of the wait. Throws JobNotReadyError if the wait ends during an outage. */
async function askWithin(
  client: GlacierClient,
  job: JobReference,
  leftMilliseconds: number,
  { signal = neverAborted, onEvent }: WaitOptions,
): Promise<OutputFacts> {
  if (leftMilliseconds <= 0) {
    return outputFacts(persistentClient(client, { retryForMilliseconds: undefined }), job, signal);
  }
  const over = new AbortController();
  let failure: Error | undefined;
  const watched = (event: TransferEvent) => {
    failure = event.kind === "retry" ? event.error : failure;
    onEvent?.(event);
  };
  const timer = setTimeout(() => over.abort(), Math.min(leftMilliseconds, timerMillisecondsMax));
  try {
    const persistent = transferClient(client, { onEvent: watched }, Number.POSITIVE_INFINITY);
    return await outputFacts(persistent, job, AbortSignal.any([signal, over.signal]));
  } catch (error) {
    if (over.signal.aborted && !signal.aborted) {
      const reason = failure === undefined ? "the service did not respond in time" : failure.message;
      throw new JobNotReadyError(job.jobId, `Job ${job.jobId} is not known to have ended: ${reason}`);
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
