import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Answer {
  readonly status: number;
  /** The status line and the headers. */
  readonly head: string;
  readonly sizeBytes: number;
  /** The body, unless it is long or went to a sink. */
  readonly text: string;
}

export type Sink = (bytes: Buffer) => void;

const receiveBufferBytes = 256 * 1024;
const textBytesMax = 64 * 1024;
const headEnd = "\r\n\r\n";

/**
 * A kept connection that sends prepared bytes and takes answers, one at a time. It costs its process far less than an
 * HTTP client would, and on a machine of few cores every cycle of the client is one that the server lacks.
 */
export class Connection {
  readonly #port: number;
  #socket: Socket;
  #pending: PromiseWithResolvers<Answer> | null = null;
  #sink: Sink | undefined;
  #head = "";
  #sizeBytes = 0;
  #leftBytes = 0;
  #text = "";

  private constructor(port: number) {
    this.#port = port;
    this.#socket = this.#connect();
  }

  static async open(port: number): Promise<Connection> {
    const connection = new Connection(port);
    await once(connection.#socket, "connect");
    return connection;
  }

  static openMany(port: number, count: number): Promise<Connection[]> {
    return Promise.all(Array.from({ length: count }, () => Connection.open(port)));
  }

  /** Sends a request, head and body, and resolves to its response when all of it is there. @param sink gets the body. */
  ask(request: readonly Uint8Array[], sink?: Sink): Promise<Answer> {
    this.#pending = Promise.withResolvers();
    this.#sink = sink;
    this.#socket.cork();
    for (const piece of request) {
      this.#socket.write(piece);
    }
    this.#socket.uncork();
    return this.#pending.promise;
  }

  /** Like `ask`; rejects unless the response has this status. */
  async expect(status: number, request: readonly Uint8Array[], sink?: Sink): Promise<Answer> {
    const answer = await this.ask(request, sink);
    if (answer.status !== status) {
      throw new Error(`Answered with ${answer.head.split("\r\n")[0]}: ${answer.text}`);
    }
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #connect(): Socket {
    const onread = {
      buffer: Buffer.allocUnsafeSlow(receiveBufferBytes),
      callback: (count: number, buffer: Uint8Array) => {
        this.#receive((buffer as Buffer).subarray(0, count));
        return true;
      },
    };
    const socket = connect({ host: "127.0.0.1", port: this.#port, noDelay: true, onread });
    const fail = (error: Error) => {
      if (socket === this.#socket) {
        this.#fail(error);
      }
    };
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("The server closed the connection")));
    return socket;
  }

  #receive(bytes: Buffer): void {
    if (this.#leftBytes > 0) {
      this.#takeBody(bytes);
      return;
    }
    const before = this.#head.length;
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf(headEnd);
    if (end < 0) {
      return;
    }
    this.#head = this.#head.slice(0, end);
    this.#sizeBytes = Number(/\r\ncontent-length: *([0-9]+)/i.exec(this.#head)?.[1] ?? 0);
    this.#leftBytes = this.#sizeBytes;
    this.#takeBody(bytes.subarray(end + headEnd.length - before));
  }

  #takeBody(bytes: Buffer): void {
    this.#leftBytes -= bytes.length;
    if (this.#sink !== undefined) {
      this.#sink(bytes);
    } else if (this.#sizeBytes <= textBytesMax) {
      this.#text += bytes.toString("latin1");
    }
    if (this.#leftBytes === 0) {
      this.#settle();
    }
  }

  #settle(): void {
    const answer = {
      status: Number(this.#head.slice(9, 12)),
      head: this.#head,
      sizeBytes: this.#sizeBytes,
      text: this.#text,
    };
    const pending = this.#pending;
    if (/\r\nconnection: *close/i.test(this.#head)) {
      // The server bounds the requests of a connection; what is sent next waits in the new one until it is open.
      const ended = this.#socket;
      this.#socket = this.#connect();
      ended.destroy();
    }
    this.#pending = null;
    this.#head = "";
    this.#text = "";
    pending?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#pending?.reject(error);
    this.#pending = null;
  }
}

/** A header of a response; throws when it has none of this name. */
export function headerOf({ head }: Answer, name: string): string {
  const line = head.split("\r\n").find((text) => text.toLowerCase().startsWith(`${name}:`));
  if (line === undefined) {
    throw new Error(`The answer has no header ${name}`);
  }
  return line.slice(name.length + 1).trim();
}
