import { invariant } from "../../../domain/invariant.ts";
import type { UncachedReader } from "../../../domain/stores/blob-store.ts";
import type { ObjectEnd, Objects } from "./objects.ts";
import { type ReadMemory, type Window, windowBytesMax } from "./read-memory.ts";

/** From here on a reader is taken to read on: the next window is fetched while this one is read. */
const aheadBytesMin = 2 * 1024 ** 2;

export interface OpenObject extends ObjectEnd {
  readonly key: string;
  readonly objects: Pick<Objects, "range">;
  readonly memory: ReadMemory;
}

/**
 * Reads one object. The first read asks for its own bytes; for as long as reads follow each other, each request asks for twice the bytes of
 * the last one. Several readers may read it at once, each from its own place.
 */
export class S3BlobReader implements UncachedReader {
  /** No memory of this system lies between. */
  readonly isUncached = true;
  readonly sizeBytes: number;
  readonly #object: OpenObject;
  readonly #windows = new Set<Window>();
  readonly #closing = new AbortController();

  constructor(object: OpenObject) {
    this.#object = object;
    this.sizeBytes = object.sizeBytes;
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    this.#closing.signal.throwIfAborted();
    if (position + into.length > this.sizeBytes) {
      throw new Error(`The blob ends at ${this.sizeBytes}, before the end of the range that was asked for`);
    }
    for (let done = 0; done < into.length; ) {
      done += await this.#readSome(into.subarray(done), position + done);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("The reader is closed"));
    for (const window of this.#windows) {
      this.#forget(window);
    }
  }

  /** Resolves to how many bytes were read. */
  async #readSome(into: Uint8Array, position: number): Promise<number> {
    const { tail, key, objects } = this.#object;
    const tailStart = this.sizeBytes - tail.length;
    if (position >= tailStart) {
      return tail.copy(into, 0, position - tailStart);
    }
    const wanted = into.subarray(0, Math.min(into.length, tailStart - position, windowBytesMax));
    const window = this.#windowAt(position, wanted.length);
    if (window === null) {
      const bytes = Buffer.from(wanted.buffer, wanted.byteOffset, wanted.length);
      await objects.range(key, position, bytes, this.#closing.signal);
      return wanted.length;
    }
    // From here on its memory is not used again, not even for the window after it.
    window.readers += 1;
    try {
      this.#fetchAfter(window);
      const copied = (await window.bytes).copy(into, 0, position - window.start);
      invariant(copied > 0, "a window has the byte that it was found by");
      return copied;
    } finally {
      window.readers -= 1;
    }
  }

  /** Null while there is no memory for one. */
  #windowAt(position: number, sizeBytes: number): Window | null {
    const known = this.#find(({ start, end }) => start <= position && position < end);
    if (known !== undefined) {
      this.#object.memory.use(known);
      return known;
    }
    const before = this.#find(({ end }) => end === position);
    return this.#fetch(position, Math.max(sizeBytes, nextSize(before)));
  }

  /** Reads ahead. */
  #fetchAfter(window: Window): void {
    const hasNext = this.#find(({ start }) => start === window.end) !== undefined;
    if (!hasNext && sizeOf(window) >= aheadBytesMin) {
      this.#fetch(window.end, nextSize(window));
    }
  }

  #fetch(start: number, sizeBytes: number): Window | null {
    const { key, objects, memory } = this.#object;
    const end = Math.min(start + sizeBytes, this.sizeBytes - this.#object.tail.length);
    if (end <= start || !memory.makeRoom(end - start)) {
      return null;
    }
    const into = memory.allocate(end - start);
    const bytes = objects.range(key, start, into, this.#closing.signal).then(() => into);
    const drop = () => this.#windows.delete(window);
    const window: Window = { start, end, bytes, fetched: null, readers: 0, drop };
    bytes.then(
      () => {
        window.fetched = into;
        this.#forgetBefore(window);
      },
      () => this.#forget(window),
    );
    this.#windows.add(window);
    memory.use(window);
    return window;
  }

  /** A reader that reads on has left the window before the last. */
  #forgetBefore({ start }: Window): void {
    const last = this.#find(({ end }) => end === start);
    const before = last && this.#find(({ end }) => end === last.start);
    if (before !== undefined && before.fetched !== null && before.readers === 0) {
      this.#forget(before);
    }
  }

  #forget(window: Window): void {
    this.#windows.delete(window);
    this.#object.memory.forget(window);
  }

  #find(matches: (window: Window) => boolean): Window | undefined {
    return [...this.#windows].find(matches);
  }
}

const sizeOf = ({ start, end }: Window): number => end - start;
const nextSize = (window: Window | undefined): number =>
  window === undefined ? 0 : Math.min(2 * sizeOf(window), windowBytesMax);
