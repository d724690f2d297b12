import type { MetadataChanges, MetadataQueries } from "../../domain/stores/metadata-store.ts";
import type { Database } from "./tables/schema.ts";

/** Each method of the interface as a function that runs within the transaction its driver has started. */
type OnDatabase<Methods> = {
  readonly [Name in keyof Methods]: Methods[Name] extends (input: infer Input) => infer Result
    ? (db: Database, input: Input) => Result
    : never;
};

export type Queries = OnDatabase<MetadataQueries>;
export type Changes = OnDatabase<MetadataChanges>;
