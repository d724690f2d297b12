type Bytes = Uint8Array<ArrayBuffer>;

export interface HttpRequest {
  readonly method: string;
  /** All headers of the request, its length included. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, if any. Each piece is requested once the one before has been sent. */
  readonly body: Bytes | AsyncIterable<Uint8Array> | null;
  readonly signal: AbortSignal | undefined;
  /** How long to wait for a connection, for the response after the last byte was sent, and for each next byte. */
  readonly timeoutMilliseconds: number;
}

/**
 * Sends a request once. Resolves to the response, whatever its status, as soon as its headers have arrived; a redirect is not followed.
 * Rejects with the signal's reason, with the error that the body threw, or with the connection's error.
 */
export type Http = (url: URL, request: HttpRequest) => Promise<HttpResponse>;

/** Throws TypeError for a header that HTTP forbids. The message names the header but not its value, which may be a secret. */
export function assertSendable(headers: HttpRequest["headers"]): void {
  for (const [name, value] of Object.entries(headers)) {
    if (unsendable.test(value)) {
      throw new TypeError(
        `The header ${name} cannot be sent: its value has a line break, or another character that HTTP forbids`,
      );
    }
  }
}

const unsendable = /[^\t\x20-\x7e\x80-\xff]/;

export interface HttpResponse {
  readonly status: number;
  readonly statusText: string;
  /** Returns a header by its name, in any case; null if there is none. */
  header(name: string): string | null;
  readonly body: HttpResponseBody;
}

/** Holds a connection until it is read to its end or cancelled. */
export interface HttpResponseBody {
  /**
   * Resolves to the bytes that have arrived, once there are any, and to null at the end. The bytes are the reader's own. Must not be called
   * again before it has settled.
   */
  next(): Promise<Bytes | null>;
  cancel(): Promise<void>;
}

/** Reads a body of text to its end. Throws BodyTooLargeError for a longer one. */
export async function readText({ body }: HttpResponse, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let readBytes = 0;
  for (let piece = await body.next(); piece !== null; piece = await body.next()) {
    readBytes += piece.length;
    if (readBytes > bytesMax) {
      await body.cancel();
      throw new BodyTooLargeError(`more than ${bytesMax} bytes`);
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

/** A body that no service of this API would send. */
export class BodyTooLargeError extends Error {
  override readonly name = "BodyTooLargeError";
}

/** Reads the beginning of a body, as far as it arrives in time, and cancels the rest. Never rejects. */
export async function readStart({ body }: HttpResponse, bytesMax: number, milliseconds: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let leftBytes = bytesMax;
  const over = Promise.withResolvers<null>();
  const timer = setTimeout(() => over.resolve(null), milliseconds);
  const next = () => Promise.race([body.next(), over.promise]).catch(() => null);
  for (let piece = await next(); piece !== null; piece = await next()) {
    text += decoder.decode(piece.subarray(0, leftBytes), { stream: true });
    leftBytes -= piece.length;
    if (leftBytes <= 0) {
      break;
    }
  }
  clearTimeout(timer);
  await body.cancel().catch(() => undefined);
  return text;
}

export const isSuccess = ({ status }: HttpResponse): boolean => status >= 200 && status < 300;
