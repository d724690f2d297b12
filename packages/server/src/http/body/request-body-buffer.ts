import type { IncomingMessage } from "node:http";

/** A socket gives at most 64 KiB at a time, and often less: gathered, a body reaches its readers in fewer pieces. Longer ones cost no less time. */
const pieceSizeBytes = 64 * 1024;
/** One is read while the other fills. */
const buffersMax = 2;

/** Gathers what arrives of a body. When nobody takes it, the connection is held back, so that little is ever held. */
export class RequestBodyBuffer {
  readonly #request: IncomingMessage;
  readonly #onArrival: (count: number) => void;
  readonly #bufferSizeBytes: number;
  readonly #free: Buffer[] = [];
  readonly #full: Buffer[] = [];
  #buffers = 0;
  #filling: Buffer | null = null;
  #filled = 0;
  #taken: Buffer | null = null;
  /** Bytes that found no room; until they have, nothing more is read. */
  #rest: Buffer | null = null;
  readonly #onData = (piece: Buffer) => this.#arrive(piece);

  /** @param onArrival is called at once for all bytes that arrive. */
  constructor(request: IncomingMessage, onArrival: (count: number) => void) {
    this.#request = request;
    this.#onArrival = onArrival;
    const announced = Number(request.headers["content-length"] ?? pieceSizeBytes);
    this.#bufferSizeBytes = Math.min(announced, pieceSizeBytes);
    request.on("data", this.#onData);
  }

  /** Whether `take` has something to give. */
  get isReady(): boolean {
    return this.#full.length > 0 || (this.#filled > 0 && this.#hasEnded());
  }

  /** The next bytes, valid until the next call; null while there are none. */
  take(): Buffer | null {
    if (this.#taken !== null) {
      this.#free.push(this.#taken);
      this.#taken = null;
    }
    const piece = this.#nextPiece();
    this.#goOn();
    return piece;
  }

  stop(): void {
    this.#request.pause();
    this.#request.off("data", this.#onData);
  }

  #nextPiece(): Buffer | null {
    const full = this.#full.shift();
    if (full !== undefined) {
      this.#taken = full;
      return full;
    }
    if (this.#filling === null || !this.isReady) {
      return null;
    }
    this.#taken = this.#filling;
    const piece = this.#filling.subarray(0, this.#filled);
    this.#filling = null;
    this.#filled = 0;
    return piece;
  }

  #hasEnded(): boolean {
    return this.#request.readableEnded || this.#request.destroyed;
  }

  #arrive(piece: Buffer): void {
    const count = piece.length; // A piece that is released has none.
    this.#rest = this.#store(piece);
    if (this.#rest === null) {
      release(piece);
    } else {
      this.#request.pause();
    }
    this.#onArrival(count);
  }

  #goOn(): void {
    if (this.#rest !== null) {
      this.#rest = this.#store(this.#rest);
    }
    if (this.#rest === null && this.#request.isPaused()) {
      this.#request.resume();
    }
  }

  /** Copies as much as there is room for; returns what is left over. */
  #store(piece: Buffer): Buffer | null {
    let rest = piece;
    while (rest.length > 0) {
      this.#filling ??= this.#freeBuffer();
      if (this.#filling === null) {
        return rest;
      }
      const count = rest.copy(this.#filling, this.#filled);
      this.#filled += count;
      rest = rest.subarray(count);
      if (this.#filled === this.#filling.length) {
        this.#full.push(this.#filling);
        this.#filling = null;
        this.#filled = 0;
      }
    }
    return null;
  }

  #freeBuffer(): Buffer | null {
    const free = this.#free.pop();
    if (free !== undefined || this.#buffers === buffersMax) {
      return free ?? null;
    }
    this.#buffers += 1;
    return Buffer.allocUnsafeSlow(this.#bufferSizeBytes);
  }
}

/**
 * Frees the memory of a piece that was copied. The collector would do it too, but at the price of a full collection for every
 * 64 MiB of bodies, and of fresh pages for every piece: together more than all the rest of receiving them.
 */
function release({ buffer, length }: Buffer): void {
  // A piece that is only a part of its memory shares it with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) {
    buffer.transfer(0);
  }
}
