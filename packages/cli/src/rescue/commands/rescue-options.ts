import type { CatalogOptions } from "../../catalog/opening/catalog-path.ts";
import type { SigningKey } from "../../manifest/signing-key.ts";
import type { PriceTable } from "../../pricing/price-table.ts";
import type { MetricsAddress } from "../reports/metrics-server.ts";
import type { ScheduleLimits } from "../schedule/schedule.ts";
import type { Timetable } from "../schedule/timetable.ts";
import type { SelectionOptions } from "../selection.ts";

/** The options of the command, read and checked. */
export interface RescueOptions extends CatalogOptions {
  readonly limits: ScheduleLimits;
  readonly selection: SelectionOptions;
  /** The expected speed of the line, used until it is measured; null if the user does not say. */
  readonly bandwidthBytesPerSecond: number | null;
  /** Null for no limit. */
  readonly bwlimit: Timetable | null;
  /** Small archives, or copies to check, at once. Undefined for what suits the target. */
  readonly concurrency: number | undefined;
  /** A file of an inventory, or null. */
  readonly inventory: string | null;
  /** A file of names, or null. */
  readonly names: string | null;
  readonly priceTable: { readonly table: PriceTable; readonly isGiven: boolean };
  readonly signingKey: SigningKey | null;
  readonly metrics: MetricsAddress | null;
  readonly once: boolean;
  /** Reads the existing copies again before anything is requested. */
  readonly recheck: boolean;
  readonly yes: boolean;
}
