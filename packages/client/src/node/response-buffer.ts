import type { IncomingMessage } from "node:http";
import type { HttpResponseBody } from "../http/http.ts";
import { release } from "./release.ts";

/** The maximum of bytes that wait for a busy reader, the last piece not counted. */
const waitingBytesMax = 512 * 1024;

/** Buffers a response body until its reader asks for more. A full buffer pauses the connection. */
export class ResponseBuffer implements HttpResponseBody {
  readonly #response: IncomingMessage;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMilliseconds: number;
  #waiting: Buffer<ArrayBuffer>[] = [];
  #waitingBytes = 0;
  #hasBegun = false;
  #hasEnded = false;
  #failure: Error | null = null;
  #arrival: PromiseWithResolvers<void> | null = null;

  /** @param timeoutMilliseconds limits the wait for the next byte. Time in which the reader does not wait does not count. */
  constructor(response: IncomingMessage, signal: AbortSignal | undefined, timeoutMilliseconds: number) {
    this.#response = response;
    this.#signal = signal;
    this.#timeoutMilliseconds = timeoutMilliseconds;
    response.socket.setTimeout(0);
    response.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    response.on("error", (error) => this.#fail(error));
    response.on("close", () => this.#fail(new Error("The connection was closed in the middle of the response")));
  }

  async next(): Promise<Buffer<ArrayBuffer> | null> {
    this.#begin();
    while (this.#waitingBytes === 0) {
      if (this.#hasEnded) {
        return null;
      }
      if (this.#failure !== null) {
        this.#signal?.throwIfAborted();
        throw this.#failure;
      }
      this.#arrival ??= Promise.withResolvers();
      await this.#arrival.promise;
    }
    return this.#take();
  }

  async cancel(): Promise<void> {
    this.#response.destroy();
  }

  /** Starts reading, at the reader's first request. */
  #begin(): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#response.socket.setTimeout(this.#timeoutMilliseconds);
      this.#response.on("data", (piece: Buffer<ArrayBuffer>) => this.#arrived(piece));
    }
  }

  /** Returns all waiting bytes in one piece, so that the reader handles many packets at once. */
  #take(): Buffer<ArrayBuffer> {
    const pieces = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#resume();
    const [only, ...more] = pieces;
    if (only !== undefined && more.length === 0) {
      return only;
    }
    const all = Buffer.concat(pieces);
    for (const piece of pieces) {
      release(piece);
    }
    return all;
  }

  #arrived(piece: Buffer<ArrayBuffer>): void {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    if (this.#waitingBytes >= waitingBytesMax) {
      this.#response.socket.setTimeout(0);
      this.#response.pause();
    }
    this.#wake();
  }

  #resume(): void {
    // After the end of the response, the socket may serve another request.
    if (this.#response.isPaused() && !this.#hasEnded) {
      this.#response.socket.setTimeout(this.#timeoutMilliseconds);
      this.#response.resume();
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#arrival?.resolve();
    this.#arrival = null;
  }
}
