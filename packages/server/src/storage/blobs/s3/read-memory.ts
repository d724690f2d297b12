/** A run of bytes of an object that was asked for by one request. */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly bytes: Promise<Buffer>;
  /** Until then its memory cannot be freed. */
  isFetched: boolean;
  /** Called when its memory is wanted for another one. */
  drop(): void;
}

/** Bounds the memory of what is read ahead, of all readers together: the window that nobody has read for the longest time is dropped. */
export class ReadMemory {
  readonly #limitBytes: number;
  /** The least recently used first. */
  readonly #windows = new Set<Window>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Makes room for a window of this size. False while those that are being fetched leave none. */
  makeRoom(sizeBytes: number): boolean {
    for (const window of this.#windows) {
      if (this.#bytes + sizeBytes <= this.#limitBytes) {
        break;
      }
      if (window.isFetched) {
        window.drop();
        this.forget(window);
      }
    }
    return this.#bytes + sizeBytes <= this.#limitBytes;
  }

  /** Notes that a window is used. */
  use(window: Window): void {
    this.#bytes += this.#windows.delete(window) ? 0 : sizeOf(window);
    this.#windows.add(window);
  }

  forget(window: Window): void {
    this.#bytes -= this.#windows.delete(window) ? sizeOf(window) : 0;
  }
}

const sizeOf = ({ start, end }: Window): number => end - start;
