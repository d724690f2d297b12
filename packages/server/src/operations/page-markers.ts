import { errors } from "@moraine/protocol";
import type { Position } from "../domain/stores/metadata-store.ts";

/** Lowers a limit above the maximum, without an error: docs/wire.md#pages-of-lists */
export function pageLimit(asked: number | undefined, most: number): number {
  return Math.min(asked ?? most, most);
}

/**
 * A marker names a position and not a row, so pages stay gapless when the row it was made from has gone meanwhile. To
 * clients it is opaque.
 */
export function encodeMarker({ createdAt, id }: Position): string {
  return `${createdAt.toString(36)}.${id}`;
}

export function decodeMarker(marker: string | undefined): Position | null {
  if (marker === undefined || marker === "") {
    return null;
  }
  const [, time, id] = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]+)$/.exec(marker) ?? [];
  if (time === undefined || id === undefined) {
    throw errors.invalidMarker(marker);
  }
  return { createdAt: Number.parseInt(time, 36), id };
}
