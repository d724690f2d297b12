import type { RescueParts } from "../rescue-state.ts";

type Parts = Pick<RescueParts, "catalog" | "target">;

/** Records that the catalogue has all of the target's manifest up to a position. */
export function recordPosition({ catalog, target }: Parts, bytes: number): void {
  catalog.facts.set("rescue-manifest", JSON.stringify({ url: target.url, bytes }));
}

/** Returns the recorded position; 0 if there is none of this target. */
export function recordedPosition({ catalog, target }: Parts): number {
  const { url, bytes } = JSON.parse(catalog.facts.get("rescue-manifest") ?? "{}") as { url?: string; bytes?: number };
  return url === target.url ? (bytes ?? 0) : 0;
}
