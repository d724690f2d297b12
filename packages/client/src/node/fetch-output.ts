import { once } from "node:events";
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getSecure } from "node:https";
import type { OutputRequest } from "../platform.ts";

/** Of the head alone: how long a body may be silent its reader knows better. */
const headMilliseconds = 300_000;
/** What may have come and wait for the reader. */
const waitingBytesMax = 256 * 1024;
/** For who reads the body without memory of their own. */
const pieceBytes = 64 * 1024;
const bodiless = [204, 205, 304];

/**
 * `fetch` for answers of any size, at a part of its cost: the body is read into memory that the reader brings
 * (`getReader({ mode: "byob" })`), and memory that Node has made for what came goes at once. Rejects for a compressed answer.
 */
export async function fetchOutput(url: URL, { headers, signal }: OutputRequest): Promise<Response> {
  const answer = await answerOf(url, { ...Object.fromEntries(headers), "accept-encoding": "identity" }, signal);
  const { statusCode: status = 0, statusMessage: statusText = "" } = answer;
  const encoding = answer.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    answer.destroy();
    throw new Error(`The answer is compressed (${encoding}), and was not to be`);
  }
  const body = bodiless.includes(status) ? null : new ReadableStream(new Arrivals(answer, signal));
  return new Response(body, { status, statusText, headers: headersOf(answer) });
}

/** As soon as its head is there. */
async function answerOf(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal | undefined,
): Promise<IncomingMessage> {
  const get = url.protocol === "https:" ? getSecure : getPlain;
  for (;;) {
    const request = get(url, { headers, ...(signal !== undefined && { signal }) });
    request.setTimeout(headMilliseconds, () => request.destroy(new Error("No answer came")));
    try {
      const [answer] = (await once(request, "response")) as [IncomingMessage];
      request.setTimeout(0);
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      // A server may close a connection just when another request is sent on it.
      if (!request.reusedSocket || (error as NodeJS.ErrnoException).code !== "ECONNRESET") {
        throw error;
      }
    }
  }
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  }
  return headers;
}

/** A body as it comes; the connection is held back while nobody reads. */
class Arrivals {
  readonly type = "bytes" as const;
  readonly autoAllocateChunkSize = pieceBytes;
  readonly #answer: IncomingMessage;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Of the first that waits, so many have been read. */
  #offset = 0;
  #end: { readonly error: unknown } | null = null;
  #arrival: (() => void) | null = null;

  constructor(answer: IncomingMessage, signal: AbortSignal | undefined) {
    this.#answer = answer;
    answer.on("data", (piece: Buffer) => this.#arrived(piece));
    answer.on("end", () => this.#ended(null));
    answer.on("error", (error) => this.#ended(signal?.aborted ? signal.reason : error));
    answer.on("close", () => this.#ended(new Error("The connection was closed")));
  }

  async pull(controller: ReadableByteStreamController): Promise<void> {
    while (this.#waiting.length === 0 && this.#end === null) {
      await new Promise<void>((resolve) => {
        this.#arrival = resolve;
      });
    }
    const request = controller.byobRequest;
    const view = request?.view as Uint8Array;
    const count = this.#readInto(view);
    if (count > 0) {
      request?.respond(count);
    } else if (this.#end?.error == null) {
      controller.close();
      request?.respond(0);
    } else {
      controller.error(this.#end.error);
    }
  }

  cancel(): void {
    this.#answer.destroy();
  }

  #arrived(piece: Buffer): void {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    if (this.#waitingBytes >= waitingBytesMax) {
      this.#answer.pause();
    }
    this.#arrival?.();
  }

  #ended(error: unknown): void {
    this.#end ??= { error };
    this.#arrival?.();
  }

  #readInto(memory: Uint8Array): number {
    let count = 0;
    for (let piece = this.#waiting[0]; piece !== undefined && count < memory.length; piece = this.#waiting[0]) {
      const part = piece.subarray(this.#offset, this.#offset + memory.length - count);
      memory.set(part, count);
      count += part.length;
      this.#offset += part.length;
      if (this.#offset === piece.length) {
        this.#waiting.shift();
        this.#offset = 0;
        release(piece);
      }
    }
    this.#waitingBytes -= count;
    if (this.#waiting.length === 0 && this.#answer.isPaused()) {
      this.#answer.resume();
    }
    return count;
  }
}

/** The collector would free it too, but only in full collections, of which each 64 MiB would cost one. */
function release({ buffer, length }: Buffer): void {
  // A piece that is only a part of its memory shares it with others.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) {
    buffer.transfer(0);
  }
}
