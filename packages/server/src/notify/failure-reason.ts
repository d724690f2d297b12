import { DeliveryError } from "../domain/notifications/notifier.ts";

/** Reduces a failure to what people may read: a code such as ECONNREFUSED. Messages may quote addresses, headers or a response. */
export function deliveryErrorOf(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) {
    return error;
  }
  return new DeliveryError(`the endpoint could not be reached (${codeOf(error) ?? "for a reason that has no code"})`);
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined;
  }
  // A connection that was tried at several addresses has a code of its own or only those of its tries.
  const [first]: unknown[] = error instanceof AggregateError ? error.errors : [];
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : codeOf(first ?? error.cause);
}
