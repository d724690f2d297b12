import type { ProgressEvent } from "@moraine/client/node";
import { onOneLine } from "./printable.ts";
import { bytesInWords } from "./sizes.ts";

/** The rate is of so many of the last milliseconds. */
const rateMilliseconds = 8000;
/** Events come far more often than they are worth remembering. */
const sampleMilliseconds = 100;
const nameLengthMax = 24;
const barLength = { most: 24, least: 8 };

/** What a line on a terminal says of a transfer, as of the last event. */
export class ProgressLine {
  readonly #name: string;
  #waiting: { readonly jobId: string; readonly since: number } | null = null;
  #progress: ProgressEvent | null = null;
  #samples: { readonly at: number; readonly bytes: number }[] = [];

  constructor(name: string) {
    const plain = onOneLine(name);
    this.#name = plain.length > nameLengthMax ? `…${plain.slice(1 - nameLengthMax)}` : plain;
  }

  /** @param now milliseconds on any clock that does not go back. */
  waiting(jobId: string, now: number): void {
    if (this.#waiting?.jobId !== jobId) {
      this.#waiting = { jobId, since: now };
    }
  }

  progress(event: ProgressEvent, now: number): void {
    this.#waiting = null;
    this.#progress = event;
    const last = this.#samples.at(-1);
    if (last === undefined || now - last.at >= sampleMilliseconds) {
      const recent = this.#samples.filter(({ at }) => now - at < rateMilliseconds);
      this.#samples = [...recent, { at: now, bytes: event.transferredBytes }];
    }
  }

  text(now: number, width: number): string {
    if (this.#waiting !== null) {
      const { jobId, since } = this.#waiting;
      return `${this.#name}  waiting for job ${onOneLine(jobId.slice(0, 12))}…  ${clock((now - since) / 1000)}`;
    }
    return this.#progress === null ? `${this.#name}  …` : this.#bytesText(this.#progress, now, width);
  }

  #bytesText(progress: ProgressEvent, now: number, width: number): string {
    const { sizeBytes, verifiedBytes } = progress;
    const doneBytes = Math.max(
      verifiedBytes,
      progress.resumedBytes + progress.transferredBytes - progress.repeatedBytes,
    );
    const rate = this.#bytesPerSecond(now);
    const verified = `${bytesInWords(verifiedBytes)} verified`;
    if (sizeBytes === null) {
      return [this.#name, bytesInWords(doneBytes), `${bytesInWords(rate)}/s`, verified].join("  ");
    }
    const share = sizeBytes === 0 ? 1 : Math.min(1, doneBytes / sizeBytes);
    const left = rate === 0 ? "-:--" : clock((sizeBytes - Math.min(doneBytes, sizeBytes)) / rate);
    // The last ones go first, where a line is short.
    const texts = [
      `${Math.floor(share * 100)} %`.padStart(5),
      `${left} left`,
      verified,
      `${bytesInWords(rate)}/s`.padStart(11),
      `of ${bytesInWords(sizeBytes)}`,
    ];
    const room = () => width - 1 - [this.#name, ...texts].join("  ").length;
    while (room() < 0 && texts.length > 1) {
      texts.pop();
    }
    return [this.#name, ...barOf(share, room() - 2), ...texts].join("  ");
  }

  #bytesPerSecond(now: number): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || now - first.at < 200) {
      return 0;
    }
    return Math.round(((last.bytes - first.bytes) / (now - first.at)) * 1000);
  }
}

/** None where there is no room for one. */
function barOf(share: number, room: number): string[] {
  if (room < barLength.least) {
    return [];
  }
  const length = Math.min(room, barLength.most);
  const full = Math.floor(share * length);
  return ["█".repeat(full) + "░".repeat(length - full)];
}

/** `0:07`, `12:30`, `3:00:00`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (value: number) => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}
