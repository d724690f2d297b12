import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A response as its bytes came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  /** The size of head and body together. */
  readonly sizeBytes: number;
  /** The body of an error, if it is one. */
  json(): { code?: string; message?: string; type?: string } | undefined;
}

/** A connection that sends exactly the bytes it is given. */
export interface RawConnection {
  readonly socket: Socket;
  /** Sends, and waits for one response; rejects when the connection ends without. Connects again after it ended. */
  request(bytes: string | Uint8Array): Promise<RawAnswer>;
  close(): void;
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

export async function connectRaw(port: number): Promise<RawConnection> {
  let socket = await openSocket(port);
  return {
    get socket() {
      return socket;
    },
    async request(bytes) {
      if (socket.destroyed || socket.readableEnded || !socket.writable) {
        socket.destroy();
        socket = await openSocket(port);
      }
      const answer = readAnswer(socket);
      socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
      const answered = await answer;
      if (answered.headers.get("connection") === "close") {
        socket.destroy();
      }
      return answered;
    },
    close: () => socket.destroy(),
  };
}

/** Reads one response off the socket; informational ones count as answers too. */
export async function readAnswer(socket: Socket, timeoutMilliseconds = 10_000): Promise<RawAnswer> {
  let received = Buffer.alloc(0);
  const answer = Promise.withResolvers<RawAnswer>();
  const onData = (piece: Buffer) => {
    received = Buffer.concat([received, piece]);
    const parsed = parseAnswer(received);
    if (parsed !== null) {
      answer.resolve(parsed);
    }
  };
  const onEnd = () => answer.reject(new Error(`The connection ended after: ${received.toString("latin1")}`));
  const timer = setTimeout(() => answer.reject(new Error("No answer came in time")), timeoutMilliseconds);
  socket.on("data", onData).once("end", onEnd).once("close", onEnd);
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    socket.off("data", onData).off("end", onEnd).off("close", onEnd);
  }
}

/** Everything that is received until the connection ends, or for this long. `ended` says which. */
export async function readToEnd(
  socket: Socket,
  timeoutMilliseconds: number,
): Promise<{ text: string; ended: boolean; reset: boolean }> {
  const pieces: Buffer[] = [];
  let reset = false;
  socket.on("error", () => {
    reset = true;
  });
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  const ended = await Promise.race([
    Promise.race([once(socket, "end"), once(socket, "close")]).then(() => true),
    new Promise<false>((resolve) => setTimeout(resolve, timeoutMilliseconds, false).unref()),
  ]).catch(() => true);
  return { text: Buffer.concat(pieces).toString("latin1"), ended, reset };
}

/** Null until the response is whole. */
export function parseAnswer(bytes: Buffer): RawAnswer | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) {
    return null;
  }
  const [statusLine = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const length = Number(headers.get("content-length") ?? 0);
  const body = bytes.subarray(headEnd + 4, headEnd + 4 + length);
  if (body.length < length) {
    return null;
  }
  const text = body.toString("utf8");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers,
    text,
    sizeBytes: headEnd + 4 + length,
    json: () => (headers.get("content-type") === "application/json" ? JSON.parse(text) : undefined),
  };
}
