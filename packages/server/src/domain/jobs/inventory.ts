import { decodeInventoryMarker, errors } from "@moraine/protocol";
import type { Position } from "../stores/metadata-store.ts";
import type { Instant } from "../time/instant.ts";
import type { InventorySelection } from "./job.ts";

/** An inventory's selection as numbers; null is no bound. */
export interface InventoryBounds {
  readonly createdFrom: Instant | null;
  readonly createdBefore: Instant | null;
  readonly after: Position | null;
  readonly itemsMax: number | null;
}

/** Reads a selection (docs/wire.md#jobs); throws InvalidParameterValueException, so that a wrong one is refused at once. */
export function inventoryBounds(selection: InventorySelection): InventoryBounds {
  const createdFrom = parseDate("StartDate", selection.startDate);
  const createdBefore = parseDate("EndDate", selection.endDate);
  if (createdFrom !== null && createdBefore !== null && createdBefore <= createdFrom) {
    throw errors.invalidParameter(`Invalid EndDate: ${selection.endDate} is not after ${selection.startDate}`);
  }
  return {
    createdFrom,
    createdBefore,
    after: parseMarker(selection.marker),
    itemsMax: parseLimit(selection.limit),
  };
}

const dateForm = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})$/;

function parseDate(name: string, text: string | null): Instant | null {
  if (text === null) {
    return null;
  }
  const time = dateForm.test(text) && isCalendarDay(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw errors.invalidParameter(`Invalid ${name}: ${text}`);
  }
  return time;
}

/** Date.parse takes 30 February for 2 March. */
function isCalendarDay(text: string): boolean {
  const midnight = Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(midnight) && new Date(midnight).getUTCDate() === Number(text.slice(8, 10));
}

function parseLimit(text: string | null): number | null {
  if (text === null) {
    return null;
  }
  if (!/^0*[1-9][0-9]{0,14}$/.test(text)) {
    throw errors.invalidLimit(text);
  }
  return Number(text);
}

function parseMarker(text: string | null): Position | null {
  if (text === null) {
    return null;
  }
  const position = decodeInventoryMarker(text);
  if (position === undefined) {
    throw errors.invalidMarker(text);
  }
  return { createdAt: position.createdAt, id: position.archiveId };
}
