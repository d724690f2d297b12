import { UsedAgain } from "./used-again.ts";

/** The most that one request asks for. */
export const windowBytesMax = 8 * 1024 ** 2;
/** While nobody reads. */
const buffersKeptMax = 4;

/** A run of bytes of an object that was asked for by one request. */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly bytes: Promise<Buffer<ArrayBuffer>>;
  /** Set once all is there: until then its memory cannot be freed. */
  fetched: Buffer<ArrayBuffer> | null;
  /** Reads that are under way. */
  readers: number;
  /** Called when its memory is wanted for another one. */
  drop(): void;
}

/** Bounds the memory of what is read ahead, of all readers together: the window that nobody has read for the longest time is dropped. */
export class ReadMemory {
  readonly #limitBytes: number;
  readonly #buffers = new UsedAgain(windowBytesMax, buffersKeptMax);
  /** The least recently used first. */
  readonly #windows = new Set<Window>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The memory of a window, after `makeRoom`. */
  allocate(sizeBytes: number): Buffer<ArrayBuffer> {
    return this.#buffers.take(sizeBytes);
  }

  /** Makes room for a window of this size. False while those that are being fetched leave none. */
  makeRoom(sizeBytes: number): boolean {
    for (const window of this.#windows) {
      if (this.#bytes + sizeBytes <= this.#limitBytes) {
        break;
      }
      if (window.fetched !== null && window.readers === 0) {
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

  /** Nobody will find the window any more. Its memory is used again, unless somebody reads it now. */
  forget(window: Window): void {
    if (!this.#windows.delete(window)) {
      return;
    }
    this.#bytes -= sizeOf(window);
    if (window.fetched !== null && window.readers === 0) {
      this.#buffers.give(window.fetched);
      window.fetched = null;
    }
  }
}

const sizeOf = ({ start, end }: Window): number => end - start;
