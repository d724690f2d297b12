import type { ProgressEvent } from "@moraine/client/node";
import { bytesInWords, unitOf } from "../arguments/sizes.ts";
import type { FilesProgressEvent } from "../transfers/report-event.ts";
import { onOneLine } from "./printable.ts";

/** The window over which the rate is measured. */
const rateMilliseconds = 8000;
/** Events are more frequent than samples need to be. */
const sampleMilliseconds = 100;
/** The unit is chosen so that 1/16 of the size is at least one unit. */
const fractionInUnit = 16;
const nameLengthMax = 24;
const barLength = { most: 24, least: 8 };

type ShownProgress = ProgressEvent & Partial<Pick<FilesProgressEvent, "files">>;

/** The progress line of a transfer on a terminal, as of the last event. */
export class ProgressLine {
  readonly #name: string;
  #waiting: { readonly jobId: string; readonly since: number } | null = null;
  #progress: ShownProgress | null = null;
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

  progress(event: ShownProgress, now: number): void {
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
      const time = clock((now - since) / 1000);
      const full = `${this.#name}  waiting for job ${onOneLine(jobId.slice(0, 12))}…  ${time}`;
      return full.length < width ? full : `${this.#name}  waiting  ${time}`;
    }
    return this.#progress === null ? `${this.#name}  …` : this.#bytesText(this.#progress, now, width);
  }

  #bytesText(progress: ShownProgress, now: number, width: number): string {
    const { sizeBytes, verifiedBytes, files } = progress;
    if (files?.unit !== undefined) {
      return [this.#name, filesText(progress) ?? ""].join("  ");
    }
    const doneBytes = Math.max(
      verifiedBytes,
      progress.resumedBytes + progress.transferredBytes - progress.repeatedBytes,
    );
    const rate = this.#bytesPerSecond(now);
    // Amounts share a unit, so that they can be compared, and do not change it in the middle of a transfer.
    const unit = unitOf((sizeBytes ?? doneBytes) / fractionInUnit);
    const verified = filesText(progress) ?? `${bytesInWords(verifiedBytes, unit)} verified`;
    const perSecond = `${bytesInWords(rate)}/s`;
    if (sizeBytes === null) {
      return fitting([this.#name, bytesInWords(doneBytes, unit), perSecond, verified], width).join("  ");
    }
    const share = sizeBytes === 0 ? 1 : Math.min(1, doneBytes / sizeBytes);
    const left = rate === 0 ? "-:--" : clock((sizeBytes - Math.min(doneBytes, sizeBytes)) / rate);
    const texts = [
      `${Math.floor(share * 100)} %`.padStart(5),
      `${left} left`,
      verified,
      perSecond.padStart(11),
      `of ${bytesInWords(sizeBytes, unit)}`,
    ];
    const line = fitting([this.#name, ...texts], width);
    const room = width - 1 - line.join("  ").length;
    return [this.#name, ...barOf(share, room - 2), ...line.slice(1)].join("  ");
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

/** Returns the number of files; null for a transfer of one. */
function filesText({ files }: ShownProgress): string | null {
  if (files === undefined) {
    return null;
  }
  const { done, total, unit = "files" } = files;
  return total === null ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
}

/** Leaves out the last items where the line is too short for them. The name and one more stay. */
function fitting(texts: readonly string[], width: number): readonly string[] {
  return texts.length <= 2 || texts.join("  ").length < width ? texts : fitting(texts.slice(0, -1), width);
}

/** Returns the bar, or nothing where there is no room for one. */
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
