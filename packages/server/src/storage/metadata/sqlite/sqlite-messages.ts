import { type ErrorCode, GlacierError } from "@moraine/protocol";
import { StorageFullError } from "../../../domain/stores/blob-store.ts";
import { MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import { VaultChangedError } from "../../../domain/vaults/permission.ts";
import type { HistoryOptions, HistoryReport } from "./generation.ts";
import type { LogLimits } from "./log/checkpoints.ts";
import type { ThreadName } from "./method-threads.ts";
import type { Outcome, Request } from "./sqlite-transactions.ts";

/** The settings that a thread is started with. */
export interface ThreadOptions {
  readonly role: ThreadName;
  readonly path: string;
  readonly mayCreate: boolean;
  readonly logLimits: LogLimits;
  /** Null for a database that is not in a data folder, and for readers. */
  readonly history: HistoryOptions | null;
}

/** Several requests at a time; then, that none follows; then, when the thread has finished, the wish to close. */
export type ToThread = readonly NumberedRequest[] | "finish" | "close";

export interface NumberedRequest extends Request {
  readonly id: number;
}

/** `opened` comes once, first. */
export type FromThread = Answers | { readonly opened: HistoryReport | null } | Finished;

export interface Answers {
  readonly answers: readonly Answer[];
  /** Time that the commit took; null when there was none. */
  readonly commitSeconds: number | null;
}

/** Whether the database is complete without its log. */
export interface Finished {
  readonly finished: boolean;
}

export type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: PlainError });

/** An error as plain data: what crosses threads loses its class. */
export interface PlainError {
  readonly name: string;
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly stack: string | undefined;
}

export function answerOf(id: number, outcome: Outcome): Answer {
  return "error" in outcome ? { id, error: plainError(outcome.error) } : { id, value: outcome.value };
}

export function errorOf({ name, code, message, stack }: PlainError): Error {
  if (code !== null) {
    return new GlacierError(code, message);
  }
  if (name === "StorageFullError") {
    return new StorageFullError(message);
  }
  if (name === "MetadataUnavailableError") {
    return new MetadataUnavailableError(message);
  }
  if (name === "VaultChangedError") {
    return new VaultChangedError();
  }
  return Object.assign(new Error(message), { name, stack });
}

function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { name: "Error", code: null, message: String(error), stack: undefined };
  }
  const code = error instanceof GlacierError ? error.code : null;
  return { name: error.name, code, message: error.message, stack: error.stack };
}
