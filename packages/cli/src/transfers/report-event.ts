import type { TransferEvent, WarningEvent } from "@moraine/client/node";

/** The events that a report shows: the library's, and warnings that only the command gives. */
export type ReportEvent = TransferEvent | CommandWarning;

interface CommandWarning extends Omit<WarningEvent, "code"> {
  readonly code: /** The list of archives is older than the vault may be. */
    | "inventory-age"
    /** The inventory was imported, but some of it could not be used. */
    | "inventory-entries"
    /** The archive is stored, and the catalogue does not have it. */
    | "catalog-not-written";
}
