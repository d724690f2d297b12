import { millisecondsPer } from "@moraine/protocol";

/** One more than an hour has: the oldest minute counts until all of it is an hour ago. */
const minutesKept = 61;

type Minute = readonly [minute: number, bytes: number];

/** The bytes that were requested in each of the last minutes. Minutes are numbered. */
export interface HourlyWindow {
  readonly minute: number;
  /** The bytes of that minute. */
  readonly bytes: number;
  /** The minutes before it that still count, in order. */
  readonly earlier: readonly Minute[];
  readonly earlierBytes: number;
}

export const emptyHour: HourlyWindow = { minute: 0, bytes: 0, earlier: [], earlierBytes: 0 };

/** Counts bytes. @param now milliseconds on a clock that does not go back */
export function counted(window: HourlyWindow, bytes: number, now: number): HourlyWindow {
  const current = advanced(window, now);
  return { ...current, bytes: current.bytes + bytes };
}

/** Returns the bytes of the last hour, and of up to a minute before it. */
export function bytesWithin(window: HourlyWindow, now: number): number {
  const { bytes, earlierBytes } = advanced(window, now);
  return bytes + earlierBytes;
}

/** Returns the time from which the bytes fit into the hour; null if they never do. */
export function fitsAt(window: HourlyWindow, bytes: number, bytesMax: number, now: number): number | null {
  if (bytes > bytesMax) {
    return null;
  }
  const current = advanced(window, now);
  let within = current.bytes + current.earlierBytes;
  let at = now;
  for (const [minute, old] of [...current.earlier, [current.minute, current.bytes] as const]) {
    if (within + bytes <= bytesMax) {
      break;
    }
    within -= old;
    at = (minute + minutesKept) * millisecondsPer.minute;
  }
  return at;
}

function advanced(window: HourlyWindow, now: number): HourlyWindow {
  const minute = Math.floor(now / millisecondsPer.minute);
  if (minute <= window.minute) {
    return window;
  }
  const all: Minute[] = [...window.earlier, [window.minute, window.bytes]];
  const earlier = all.filter(([each, bytes]) => each > minute - minutesKept && bytes > 0);
  return { minute, bytes: 0, earlier, earlierBytes: earlier.reduce((sum, [, bytes]) => sum + bytes, 0) };
}

/** As a string, to be kept for another run. */
export const hourToText = ({ minute, bytes, earlier }: HourlyWindow): string =>
  JSON.stringify([...earlier, [minute, bytes]]);

/** Returns an empty window for text that is none. Minutes that a clock was ahead count as this one. */
export function hourFromText(text: string | null, now: number): HourlyWindow {
  const minute = Math.floor(now / millisecondsPer.minute);
  const entries = parsed(text ?? "[]").filter(isMinute);
  return entries
    .toSorted(([one], [other]) => one - other)
    .reduce(
      (window, [each, bytes]) => counted(window, bytes, Math.min(each, minute) * millisecondsPer.minute),
      emptyHour,
    );
}

function parsed(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

const isMinute = (entry: unknown): entry is Minute =>
  Array.isArray(entry) && entry.length === 2 && entry.every((each) => Number.isSafeInteger(each) && each >= 0);
