import { bytesInWords } from "../../arguments/sizes.ts";
import type { ManifestEntry } from "../manifest-entry.ts";
import type { Bar } from "./charts.ts";

const kibibyte = 1024;
/** Upper bounds of the classes of sizes; the last class has none. */
const bounds = [1, 16, 256, 4 * kibibyte, 64 * kibibyte, kibibyte ** 2, 16 * kibibyte ** 2, 256 * kibibyte ** 2].map(
  (kibibytes) => kibibytes * kibibyte,
);
const columnsMax = 90;
/** An archive whose copy was recorded twice, by runs of which the first was killed, has its entries near each other. */
const recentMax = 20_000;

/** Counts copies by size and by day, in memory that does not grow with their number. */
export class CopyStatistics {
  archives = 0;
  bytes = 0;
  readonly #bySize = bounds.concat(0).map(() => ({ archives: 0, bytes: 0 }));
  readonly #byDay = new Map<string, number>();
  readonly #recent = new Set<string>();

  add({ archiveId, sizeBytes, verifiedAt }: ManifestEntry): void {
    if (this.#isRepeated(archiveId)) {
      return;
    }
    this.archives += 1;
    this.bytes += sizeBytes;
    const index = bounds.findIndex((bound) => sizeBytes < bound);
    const sizes = this.#bySize.at(index);
    if (sizes !== undefined) {
      sizes.archives += 1;
      sizes.bytes += sizeBytes;
    }
    const day = verifiedAt.toISOString().slice(0, 10);
    this.#byDay.set(day, (this.#byDay.get(day) ?? 0) + 1);
  }

  sizes(): Bar[] {
    return this.#bySize.map(({ archives, bytes }, index) => {
      const [from, to] = [bounds[index - 1], bounds[index]];
      const label = to === undefined ? `${bytesInWords(from ?? 0)} or more` : `less than ${bytesInWords(to)}`;
      return { label, value: archives, text: `${archives} (${bytesInWords(bytes)})` };
    });
  }

  /** Archives by day, or by several days where there are many. */
  days(): Bar[] {
    const days = [...this.#byDay].sort(([one], [other]) => (one < other ? -1 : 1));
    const perColumn = Math.ceil(days.length / columnsMax);
    return Array.from({ length: Math.ceil(days.length / Math.max(1, perColumn)) }, (_, index) => {
      const group = days.slice(index * perColumn, (index + 1) * perColumn);
      const value = group.reduce((sum, [, count]) => sum + count, 0);
      const [first, last] = [group[0]?.[0] ?? "", group.at(-1)?.[0] ?? ""];
      return { label: first === last ? first : `${first} to ${last}`, value, text: `${value} archives` };
    });
  }

  #isRepeated(archiveId: string): boolean {
    if (this.#recent.has(archiveId)) {
      return true;
    }
    this.#recent.add(archiveId);
    if (this.#recent.size > recentMax) {
      const [oldest = ""] = this.#recent;
      this.#recent.delete(oldest);
    }
    return false;
  }
}
