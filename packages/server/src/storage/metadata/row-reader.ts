import type { BoundMetadata } from "../bucket-binding.ts";

/** Reads rows of metadata as they are, and changes none. */
export interface RowReader extends BoundMetadata {
  /** @param sql whose parameters are `$1`, `$2` and so on, each once and in order. */
  select(sql: string, values: readonly (string | number | Uint8Array)[]): Promise<Readonly<Record<string, unknown>>[]>;
}
