import type { Catalog } from "../../catalog/catalog.ts";
import type { RescueSnapshot } from "../rescue-event.ts";

/** The state that a rescue records while it runs, for `--status`. */
export interface RecordedState {
  readonly target: string;
  readonly pid: number;
  readonly at: string;
  /** Null while it runs. */
  readonly end: string | null;
  readonly snapshot: RescueSnapshot;
}

export function recordState({ facts }: Pick<Catalog, "facts">, state: RecordedState): void {
  facts.set("rescue-state", JSON.stringify(state));
}

export function recordedState({ facts }: Pick<Catalog, "facts">): RecordedState | null {
  const text = facts.get("rescue-state");
  return text === null ? null : (JSON.parse(text) as RecordedState);
}

/** A rescue that runs has written its state within this time. */
const freshMilliseconds = 30_000;

export function isRunning({ end, at }: RecordedState, now: Date): boolean {
  return end === null && now.getTime() - new Date(at).getTime() < freshMilliseconds;
}
