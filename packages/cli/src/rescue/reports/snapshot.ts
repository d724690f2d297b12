import type { RescueSnapshot } from "../rescue-event.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import { secondsFor } from "../schedule/speed.ts";
import { minus } from "../work.ts";

/** The time over which rates are measured. */
const rateMilliseconds = 30_000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
  readonly archives: number;
}

/** Makes snapshots of a running rescue, with its rates. */
export class Snapshots {
  readonly #parts: Pick<RescueParts, "catalog" | "money">;
  readonly #state: RescueState;
  #samples: readonly Sample[] = [];

  constructor(parts: Pick<RescueParts, "catalog" | "money">, state: RescueState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Called about once a second. */
  take(): RescueSnapshot {
    const { schedule, selected, verified, failed, jobs, receivedBytes, waiting } = this.#state;
    const { catalog, money } = this.#parts;
    const at = performance.now();
    const sample = { at, bytes: receivedBytes, archives: verified.archives };
    this.#samples = [...this.#samples.filter((each) => at - each.at < rateMilliseconds), sample];
    const first = this.#samples[0] ?? sample;
    const seconds = Math.max(1, (at - first.at) / 1000);
    const left = minus(minus(selected, verified), failed);
    const isKnown = schedule.speed.observedSeconds.ofBytes + schedule.speed.observedSeconds.ofArchives > 0;
    return {
      selected,
      verified,
      failed,
      requested: schedule.ahead,
      readyJobs: catalog.jobs.countByState().ready,
      jobs: { ...jobs },
      receivedBytes,
      bytesPerSecond: Math.round((sample.bytes - first.bytes) / seconds),
      archivesPerSecond: (sample.archives - first.archives) / seconds,
      secondsLeft: isKnown ? Math.round(secondsFor(schedule.speed, left, schedule.bytesPerSecondMax)) : null,
      spentUsd: money.isKnown ? schedule.spentUsd : null,
      waiting,
    };
  }
}
