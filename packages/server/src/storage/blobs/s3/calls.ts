import { setTimeout as pause } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import { BlobMissingError, BlobStoreUnavailableError, NotRestoredYetError } from "../../../domain/stores/blob-store.ts";
import { type ConnectionLimits, isMissing, isPassing, statusOf } from "../../s3/connection.ts";

/** The SDK pauses between its attempts, longer each time, and at random within that. */
export const callLimits: ConnectionLimits = {
  attemptsMax: 4,
  connectMilliseconds: 5 * millisecondsPer.second,
  silentMilliseconds: 30 * millisecondsPer.second,
};
/** The most that a call takes with all its attempts. */
const deadlineMilliseconds = 2 * millisecondsPer.minute;
/** Attempts that bring or take bytes, in addition to the SDK's, which repeats no response that was interrupted. */
const transfersMax = 4;
const pauseMilliseconds = 200;
/** The store received other bytes than were sent. */
export const alteredOnTheWay: ReadonlySet<string> = new Set([
  "BadDigest",
  "InvalidDigest",
  "SignatureDoesNotMatch",
  "XAmzContentSHA256Mismatch",
]);

/**
 * Makes a call with a deadline. It rejects with `BlobStoreUnavailableError` whatever the reason, with the store's own error as its cause:
 * only a missing object is another error, `BlobMissingError`, and one that has to be restored first, `NotRestoredYetError`.
 */
export async function call<Result>(
  key: string,
  send: (signal: AbortSignal) => Promise<Result>,
  milliseconds = deadlineMilliseconds,
): Promise<Result> {
  try {
    return await send(AbortSignal.timeout(milliseconds));
  } catch (error) {
    throw toDomainError(key, error);
  }
}

/** Like `call`, and repeats what was altered or interrupted on the way. */
export async function transfer<Result>(key: string, send: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(key, send);
    } catch (error) {
      if (attempt === transfersMax || !isRepeatable((error as Error).cause)) {
        throw error;
      }
      await pause(pauseMilliseconds * 2 ** attempt * Math.random());
    }
  }
}

/** Error thrown by a call when a response is not what was asked for. */
export class WrongResponseError extends Error {
  override readonly name = "WrongResponseError";
}

function isRepeatable(error: unknown): boolean {
  const { name } = (error ?? {}) as Error;
  return alteredOnTheWay.has(name) || error instanceof WrongResponseError || (isPassing(error) && !isOfDeadline(error));
}

const isOfDeadline = (error: unknown): boolean => ["AbortError", "TimeoutError"].includes((error as Error).name);

function toDomainError(key: string, error: unknown): Error {
  if (isMissing(error) && (error as Error).name !== "NoSuchUpload") {
    return new BlobMissingError(key, { cause: error });
  }
  if ((error as Error).name === "InvalidObjectState") {
    return new NotRestoredYetError(key, { cause: error });
  }
  const reason = isOfDeadline(error) ? "no response in time" : messageOf(error);
  return new BlobStoreUnavailableError(`The store of archives is away, or in trouble: ${reason}`, { cause: error });
}

/** Errors of responses without a body have no message of their own. */
function messageOf(error: unknown): string {
  const { name, message } = error as Error;
  const status = statusOf(error);
  return [name, status === undefined ? "" : `HTTP ${status}`, message].filter(Boolean).join(", ");
}
