/** A change of the bandwidth's limit at a time of each day, or of one day of the week. */
interface Change {
  /** Minutes since the start of Sunday. */
  readonly minute: number;
  /** Null for no limit. */
  readonly bytesPerSecond: number | null;
}

const dayMinutes = 24 * 60;
const weekMinutes = 7 * dayMinutes;
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/** The limits of the bandwidth in the course of a week, by local time. */
export class Timetable {
  /** Ordered by their minute; at least one. */
  readonly #changes: readonly Change[];

  private constructor(changes: readonly Change[]) {
    this.#changes = changes.toSorted((one, other) => one.minute - other.minute);
  }

  /**
   * Parses a rate like `10MiB`, or a timetable like `08:00,512KiB 23:00,off` or `Mon-08:00,1MiB Sat-00:00,off`. Null if it is neither.
   *
   * @param parseRate null for a text that is no rate.
   */
  static parse(text: string, parseRate: (text: string) => number | null): Timetable | null {
    const words = text.trim().split(/\s+/);
    const [only = ""] = words;
    if (words.length === 1 && !only.includes(",")) {
      const rate = rateOf(only, parseRate);
      return rate === undefined ? null : new Timetable([{ minute: 0, bytesPerSecond: rate }]);
    }
    const changes = words.map((word) => changesOf(word, parseRate));
    return changes.every((each) => each !== null) ? new Timetable(changes.flat()) : null;
  }

  /** Returns the limit at a time; null for none. */
  at(time: Date): number | null {
    return this.#within(minuteOf(time));
  }

  /** Returns the average limit over a time from then on; null if most of it has none. */
  average(from: Date, seconds: number): number | null {
    const minutes = Math.max(1, Math.min(weekMinutes, Math.round(seconds / 60)));
    const start = minuteOf(from);
    let sum = 0;
    let limited = 0;
    for (let minute = 0; minute < minutes; minute += 1) {
      const limit = this.#within((start + minute) % weekMinutes);
      sum += limit ?? 0;
      limited += limit === null ? 0 : 1;
    }
    return limited * 2 <= minutes ? null : sum / limited;
  }

  /** The lowest limit; null if there is none. */
  get lowest(): number | null {
    const limits = this.#changes.flatMap(({ bytesPerSecond }) => bytesPerSecond ?? []);
    return limits.length === 0 ? null : Math.min(...limits);
  }

  #within(minute: number): number | null {
    const last = this.#changes.findLast((change) => change.minute <= minute) ?? this.#changes.at(-1);
    return last?.bytesPerSecond ?? null;
  }
}

const minuteOf = (time: Date): number => time.getDay() * dayMinutes + time.getHours() * 60 + time.getMinutes();

function changesOf(word: string, parseRate: (text: string) => number | null): Change[] | null {
  const [, day, hours, minutes, rateText = ""] = /^(?:([a-z]{3})-)?([0-9]{1,2}):([0-9]{2}),(\S+)$/i.exec(word) ?? [];
  const bytesPerSecond = rateOf(rateText, parseRate);
  const [hour, minute] = [Number(hours), Number(minutes)];
  const weekday = day === undefined ? null : days.indexOf(day.toLowerCase());
  if (bytesPerSecond === undefined || !(hour < 24 && minute < 60) || weekday === -1) {
    return null;
  }
  const chosen = weekday === null ? days.keys() : [weekday];
  return Array.from(chosen, (each) => ({ minute: each * dayMinutes + hour * 60 + minute, bytesPerSecond }));
}

/** Undefined for a text that is no rate. */
function rateOf(text: string, parseRate: (text: string) => number | null): number | null | undefined {
  return text.toLowerCase() === "off" ? null : (parseRate(text) ?? undefined);
}
