import type { SegmentState } from "../../../packages/server/src/domain/segment.ts";
import type { TraceEvent } from "../../support/disk-rig/trace.ts";

/** The segments that the database knows, by key. */
export type Rows = ReadonlyMap<string, { readonly ownerId: string; readonly state: SegmentState }>;

/** Something that happened, in the order in which it did. */
export type Moment =
  | { readonly kind: "disk"; readonly event: TraceEvent }
  /** A transaction was written; a power cut may still lose it, with all later ones. */
  | { readonly kind: "written"; readonly rows: Rows }
  /** All transactions that were written so far are durable. */
  | { readonly kind: "durable" }
  /** A caller has its response. */
  | { readonly kind: "stored"; readonly ownerId: string }
  | { readonly kind: "deletion begins"; readonly ownerId: string }
  | { readonly kind: "deleted"; readonly ownerId: string };
