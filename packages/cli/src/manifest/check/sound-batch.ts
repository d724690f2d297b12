import type { CheckJournal } from "./check-journal.ts";

const copiesMax = 500;
/** A kill repeats no more than the reading of this many bytes, and of the copies in progress. */
const bytesMax = 256 * 1024 ** 2;

/** Records sound copies in groups. */
export class SoundBatch implements Disposable {
  readonly #journal: CheckJournal;
  #locations: string[] = [];
  #bytes = 0;

  constructor(journal: CheckJournal) {
    this.#journal = journal;
  }

  add(location: string, sizeBytes: number): void {
    this.#locations.push(location);
    this.#bytes += sizeBytes;
    if (this.#locations.length >= copiesMax || this.#bytes >= bytesMax) {
      this.write();
    }
  }

  write(): void {
    const locations = this.#locations;
    this.#locations = [];
    this.#bytes = 0;
    this.#journal.setSound(locations);
  }

  [Symbol.dispose](): void {
    this.write();
  }
}
