import { nothingUnsynced, type Survival } from "../../support/disk-rig/disk-model.ts";
import type { TraceEvent } from "../../support/disk-rig/trace.ts";
import type { Random } from "../../support/random.ts";

/** A way that a server ends, and what of its unsynced changes is found afterwards. */
export interface Cut {
  readonly kind: "kill" | "power cut";
  /** How many of the events happened before it. */
  readonly events: number;
  readonly survives: Survival;
}

/** A kill leaves all that was done. */
const everything: Survival = () => true;
/** Events that change what a folder holds, or what a client knows of it. */
const changes: ReadonlySet<TraceEvent["kind"]> = new Set([
  "create",
  "write",
  "truncate",
  "link",
  "unlink",
  "rename",
  "mkdir",
  "send",
]);
/** Moments at which something is durable that was not before, or is promised. */
const moments: ReadonlySet<TraceEvent["kind"]> = new Set(["sync-end", "send"]);

/** A kill before and after each change and each response from there on. */
export function* kills(events: readonly TraceEvent[], from: number): Generator<Cut> {
  yield { kind: "kill", events: from, survives: everything };
  for (const [index, event] of events.entries()) {
    if (index >= from && changes.has(event.kind)) {
      yield { kind: "kill", events: index + 1, survives: everything };
    }
  }
}

/** Power cuts at each sync and each response: nothing that was not synced survives, or some of it, or all but a few changes. */
export function* powerCuts(events: readonly TraceEvent[], from: number, random: Random): Generator<Cut> {
  const chances = [0.5, 0.9];
  for (const [index, event] of events.entries()) {
    if (index < from || !moments.has(event.kind)) {
      continue;
    }
    for (const before of event.kind === "send" ? [1] : [0, 1]) {
      const cut = { kind: "power cut", events: index + before } as const;
      yield { ...cut, survives: nothingUnsynced };
      for (const chance of chances) {
        yield { ...cut, survives: () => random.fraction() < chance };
      }
    }
  }
}
