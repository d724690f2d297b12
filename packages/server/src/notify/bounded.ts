import { DeliveryError } from "../domain/notifications/notifier.ts";

/**
 * Runs `work` for this long at most. Rejects with a `DeliveryError` when its time is over, and with the signal's reason when
 * that aborts: in both cases at once, even if the work does not hear of it.
 */
export async function bounded<Value>(
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const ending = new AbortController();
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = (reason: unknown) => {
    reject(reason);
    ending.abort(reason);
  };
  const onAbort = () => end(signal.reason);
  signal.addEventListener("abort", onAbort);
  const timer = setTimeout(
    () => end(new DeliveryError(`the endpoint did not answer within ${milliseconds / 1000} s`)),
    milliseconds,
  );
  try {
    signal.throwIfAborted();
    return await Promise.race([work(ending.signal), ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
