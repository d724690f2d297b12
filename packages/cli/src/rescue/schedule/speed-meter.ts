import type { RescueParts, RescueState } from "../rescue-state.ts";
import { nothing, plus, type Work } from "../work.ts";
import { learned } from "./speed.ts";

const intervalMilliseconds = 10_000;

/** Measures the speed of fetching while something is fetched. */
export class SpeedMeter {
  readonly #parts: Pick<RescueParts, "catalog">;
  readonly #state: RescueState;
  #fetched: Work = nothing;
  #busyMilliseconds = 0;
  #busySince: number | null = null;

  constructor(parts: Pick<RescueParts, "catalog">, state: RescueState) {
    this.#parts = parts;
    this.#state = state;
  }

  received(work: Work): void {
    this.#fetched = plus(this.#fetched, work);
    const busy = this.#busyMilliseconds + (this.#busySince === null ? 0 : performance.now() - this.#busySince);
    if (busy >= intervalMilliseconds) {
      this.#learn(busy);
    }
  }

  /** Records whether anything is being fetched. */
  busy(isBusy: boolean): void {
    const now = performance.now();
    if (this.#busySince !== null) {
      this.#busyMilliseconds += now - this.#busySince;
    }
    this.#busySince = isBusy ? now : null;
  }

  #learn(busyMilliseconds: number): void {
    const speed = learned(this.#state.schedule.speed, this.#fetched, busyMilliseconds / 1000);
    this.#state.schedule = { ...this.#state.schedule, speed };
    this.#fetched = nothing;
    this.#busyMilliseconds = 0;
    this.#busySince = this.#busySince === null ? null : performance.now();
    this.#parts.catalog.facts.set("rescue-speed", JSON.stringify(speed));
  }
}
