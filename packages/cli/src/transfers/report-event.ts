import type { TransferEvent, WarningEvent } from "@moraine/client/node";

/** The events that a report shows: the library's, and a warning that only the command gives. */
export type ReportEvent = TransferEvent | InventoryAgeWarning;

/** The list of archives is older than the vault may be. */
interface InventoryAgeWarning extends Omit<WarningEvent, "code"> {
  readonly code: "inventory-age";
}
