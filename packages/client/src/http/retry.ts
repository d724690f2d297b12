import { type Operation, type OperationName, operations } from "@moraine/protocol";
import { codeOf } from "../error-code.ts";
import {
  DamagedDataError,
  GlacierConnectionError,
  GlacierServiceError,
  ThrottlingException,
  UnexpectedResponseError,
} from "../errors.ts";

const baseMilliseconds = 100;
/** Throttling lasts longer than other temporary failures. */
const throttlingBaseMilliseconds = 500;
const pauseMillisecondsMax = 20_000;

/** Codes of connections that were never established, so that nothing was sent. */
const unconnectedCodes: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_CONNECT_TIMEOUT",
]);

/** Whether the same request may succeed later, and may be sent again. */
export function isTransient(error: unknown, operation: string, isRepeatable = true): boolean {
  if ((isCharged(operation) || !isRepeatable) && isOutcomeUnknown(error)) {
    return false;
  }
  if (error instanceof DamagedDataError) {
    return false;
  }
  if (error instanceof GlacierServiceError) {
    return error.status >= 500 || error.status === 408 || isThrottling(error);
  }
  return error instanceof GlacierConnectionError;
}

/** Whether each execution costs money. */
function isCharged(operation: string): boolean {
  const row: Operation | undefined = operations[operation as OperationName];
  return row?.isCharged === true;
}

/** Whether the service, or a proxy before it, asks for fewer requests. */
export function isThrottling(error: unknown): boolean {
  return error instanceof ThrottlingException || (error instanceof GlacierServiceError && error.status === 429);
}

/** Whether the request may have been carried out although its response was lost: the connection broke, or a proxy responded instead. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof GlacierConnectionError) {
    return !unconnectedCodes.has(codeOf(error.cause));
  }
  return error instanceof UnexpectedResponseError && error.status >= 500;
}

/** Returns the pause after a number of attempts: random, up to a bound that doubles, so that clients do not all return at once. */
export function pauseMilliseconds(attempts: number, isThrottled: boolean, random: number): number {
  const base = isThrottled ? throttlingBaseMilliseconds : baseMilliseconds;
  return random * Math.min(pauseMillisecondsMax, base * 2 ** (attempts - 1));
}

/** Waits, and rejects with the signal's reason as soon as it aborts. */
export async function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  if (milliseconds <= 0) {
    signal?.throwIfAborted();
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  try {
    await orAborted(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Settles as the promise does, or rejects with the signal's reason as soon as it aborts. The promise's own work then continues. */
export async function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) {
    return promise;
  }
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
