import { type ErrorCode, GlacierError } from "@moraine/protocol";
import { StorageFullError } from "../../../domain/stores/blob-store.ts";
import type { RowSecret, SealedKeys } from "../../../domain/stores/identity-store.ts";
import { type DamagedRow, DamagedRowError, MetadataUnavailableError } from "../../../domain/stores/metadata-store.ts";
import { VaultChangedError } from "../../../domain/vaults/permission.ts";
import type { ThreadName } from "../method-threads.ts";
import type { Outcome, Request } from "../run-method.ts";
import type { HistoryOptions, HistoryReport } from "./generation.ts";
import type { LogLimits } from "./log/checkpoints.ts";

/** The settings that a thread is started with. */
export interface ThreadOptions {
  readonly role: ThreadName;
  readonly path: string;
  readonly mayCreate: boolean;
  readonly logLimits: LogLimits;
  /** Null for a database that is not in a data folder, and for readers. */
  readonly history: HistoryOptions | null;
  /** Key of the rows' MACs, which the writer asks for; null for the writer. */
  readonly rowKey: Uint8Array | null;
}

/** The writer's row secret, if it asked for it. Several requests at a time; then, that none follows; then, when the thread has finished, the wish to close. */
export type ToThread = RowSecret | readonly NumberedRequest[] | "finish" | "close";

export interface NumberedRequest extends Request {
  readonly id: number;
}

/** `sealed` comes from a writer alone, first, and is the question for its row secret. `opened` comes once, before all others. */
export type FromThread =
  | { readonly sealed: SealedKeys }
  | { readonly opened: HistoryReport | null }
  | { readonly damagedRow: DamagedRow }
  | Answers
  | Finished;

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
  readonly damagedRow: DamagedRow | null;
  readonly message: string;
  readonly stack: string | undefined;
}

export function answerOf(id: number, outcome: Outcome): Answer {
  return "error" in outcome ? { id, error: plainError(outcome.error) } : { id, value: outcome.value };
}

export function errorOf({ name, code, damagedRow, message, stack }: PlainError): Error {
  if (code !== null) {
    return new GlacierError(code, message);
  }
  if (name === "StorageFullError") {
    return new StorageFullError(message);
  }
  if (name === "MetadataUnavailableError") {
    return new MetadataUnavailableError(message);
  }
  if (damagedRow !== null) {
    return new DamagedRowError(damagedRow);
  }
  if (name === "VaultChangedError") {
    return new VaultChangedError();
  }
  return Object.assign(new Error(message), { name, stack });
}

function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { name: "Error", code: null, damagedRow: null, message: String(error), stack: undefined };
  }
  const code = error instanceof GlacierError ? error.code : null;
  const damagedRow = error instanceof DamagedRowError ? error.found : null;
  return { name: error.name, code, damagedRow, message: error.message, stack: error.stack };
}
