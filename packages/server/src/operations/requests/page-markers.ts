import { readMarker } from "../../domain/page.ts";
import type { Position } from "../../domain/stores/metadata-store.ts";

/**
 * A marker names a position and not a row, so pages stay gapless when the row it was made from has gone meanwhile. To
 * clients it is opaque.
 */
export function encodeMarker({ createdAt, id }: Position): string {
  return `${createdAt.toString(36)}.${id}`;
}

export function decodeMarker(marker: string | undefined): Position | null {
  return readMarker(marker, (text) => {
    const [, time, id] = /^([0-9a-z]{1,10})\.([A-Za-z0-9_-]+)$/.exec(text) ?? [];
    return time === undefined || id === undefined ? undefined : { createdAt: Number.parseInt(time, 36), id };
  });
}
