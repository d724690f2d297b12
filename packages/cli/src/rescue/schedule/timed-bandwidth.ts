import { Bandwidth } from "@moraine/client/node";
import type { Timetable } from "./timetable.ts";

/** A bandwidth whose limit depends on the time. */
export class TimedBandwidth extends Bandwidth {
  readonly #timetable: Timetable;
  readonly #now: () => Date;
  #current: Bandwidth | null = null;

  constructor(timetable: Timetable, now: () => Date) {
    super(timetable.lowest ?? Number.POSITIVE_INFINITY);
    this.#timetable = timetable;
    this.#now = now;
  }

  override async take(bytes: number, signal: AbortSignal): Promise<void> {
    const bytesPerSecond = this.#timetable.at(this.#now());
    if (bytesPerSecond === null) {
      return;
    }
    if (this.#current?.bytesPerSecond !== bytesPerSecond) {
      this.#current = new Bandwidth(bytesPerSecond);
    }
    await this.#current.take(bytes, signal);
  }
}
