type Bytes = Uint8Array<ArrayBuffer>;

export interface HttpRequest {
  readonly method: string;
  /** All that the request needs, its length included. */
  readonly headers: Readonly<Record<string, string>>;
  /** Pieces are asked for one by one, each when the one before has left. */
  readonly body: Bytes | AsyncIterable<Uint8Array> | null;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends a request once. Resolves to its answer, whatever that is, as soon as its head is there; a redirect is not followed. Rejects
 * with the signal's reason, with what the body threw, or with what happened to the connection.
 */
export type Http = (url: URL, request: HttpRequest) => Promise<Answer>;

/** Names the header and not its value, which may be a secret. */
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

export interface Answer {
  readonly status: number;
  readonly statusText: string;
  /** By its name, in whatever case; null where there is none. */
  header(name: string): string | null;
  readonly body: AnswerBody;
}

/** Holds a connection until it is read to its end or cancelled. */
export interface AnswerBody {
  /**
   * Resolves to what has come as soon as something has, and to null at the end. The bytes are the reader's own. Not to be called
   * again before it has settled.
   */
  next(): Promise<Bytes | null>;
  cancel(): Promise<void>;
}

export async function readText({ body }: Answer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await body.next(); piece !== null; piece = await body.next()) {
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

export const isSuccess = ({ status }: Answer): boolean => status >= 200 && status < 300;
