import type { IncomingMessage, ServerResponse } from "node:http";
import { errors } from "@moraine/protocol";
import type { Turn } from "../connections/client-turns.ts";
import { type BodyLimits, startPace } from "../connections/pace.ts";
import type { BodyLease, BodyMemory } from "./body-memory.ts";
import { askForBody, ClientGoneError } from "./request-body.ts";

interface ShortBodyOptions {
  readonly limits: BodyLimits;
  readonly memory: BodyMemory;
  /** The network that the request comes from. */
  readonly source: string;
  /** Given to others while the body is waited for. */
  readonly turn: Turn;
}

/** Reads the body of one request into memory, if there is one. */
export interface ShortBody {
  /**
   * Throws BadRequest when the body is longer than `sizeBytesMax`, OverloadError when it has to give way to others,
   * RequestTimeoutException when it stalls, and ClientGoneError when it is interrupted.
   */
  read(limits: { readonly sizeBytesMax: number; readonly isVerified: boolean }): Promise<Uint8Array>;
  /** Gives its memory back, so the bytes must no longer be used. */
  release(): void;
}

export function shortBody(request: IncomingMessage, response: ServerResponse, options: ShortBodyOptions): ShortBody {
  let free = (): void => undefined;
  return {
    async read({ sizeBytesMax, isVerified }) {
      if (!announcesBody(request)) {
        return noBytes;
      }
      if (Number(request.headers["content-length"] ?? 0) > sizeBytesMax) {
        throw tooLong(sizeBytesMax);
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const lease = options.memory.lease(options.source, isVerified, reject);
      const bytes = new GrowingBytes(sizeBytesMax, lease);
      free = () => {
        bytes.free();
        lease.release();
      };
      askForBody(request, response);
      const stop = receive(request, options.limits, { bytes, resolve, reject });
      options.turn.release();
      await promise.finally(stop);
      lease.settle();
      await options.turn.take();
      return bytes.filled();
    },
    release: () => free(),
  };
}

const noBytes = new Uint8Array();

const tooLong = (sizeBytesMax: number) =>
  errors.badRequest(`The body of this request must not be longer than ${sizeBytesMax} bytes`);

const announcesBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

interface Receiver {
  readonly bytes: GrowingBytes;
  resolve(): void;
  reject(error: unknown): void;
}

/** Takes what arrives until the body ends. Returns a function that stops it. */
function receive(request: IncomingMessage, limits: BodyLimits, { bytes, resolve, reject }: Receiver): () => void {
  const pace = startPace(limits);
  pace.waitBegins();
  const onData = (piece: Buffer) => {
    pace.received(piece.length);
    try {
      bytes.append(piece);
    } catch (error) {
      reject(error);
    }
  };
  const onClose = () => reject(new ClientGoneError("The client closed the connection within the body"));
  const timer = setInterval(() => {
    if (pace.isTooSlow()) {
      reject(errors.requestTimeout());
    }
  }, 1000);
  // The listener for errors stays: a connection that breaks later must not bring the process down.
  request.on("data", onData).on("end", resolve).on("close", onClose).on("error", onClose);
  if (request.destroyed) {
    onClose();
  }
  return () => {
    clearInterval(timer);
    request.off("data", onData).off("end", resolve).off("close", onClose);
  };
}

const firstBytes = 512;

/** One piece of memory that doubles: a body that comes byte by byte takes no more than one that comes at once. */
class GrowingBytes {
  readonly #sizeBytesMax: number;
  readonly #lease: BodyLease;
  #memory = new ArrayBuffer(0);
  #length = 0;

  constructor(sizeBytesMax: number, lease: BodyLease) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#lease = lease;
  }

  append(piece: Buffer): void {
    const length = this.#length + piece.length;
    if (length > this.#sizeBytesMax) {
      throw tooLong(this.#sizeBytesMax);
    }
    if (length > this.#memory.byteLength) {
      const sizeBytes = Math.min(this.#sizeBytesMax, Math.max(length, 2 * this.#memory.byteLength, firstBytes));
      this.#lease.grow(sizeBytes);
      this.#memory = this.#memory.transfer(sizeBytes);
    }
    new Uint8Array(this.#memory).set(piece, this.#length);
    this.#length = length;
  }

  filled(): Uint8Array {
    return new Uint8Array(this.#memory, 0, this.#length);
  }

  /** Frees the memory now: the collector would come too late for a bound on it. */
  free(): void {
    this.#memory.transfer(0);
  }
}
