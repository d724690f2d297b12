import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests that a client may send ahead of the responses to earlier ones. A connection with more of them is closed. */
const waitingMax = 16;

interface InTurnOptions {
  /** After this many the connection is closed. */
  readonly requestsPerConnectionMax: number;
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** The first of some requests on a connection begins. */
  onBusy(socket: Socket): void;
  /** The last of them has ended. */
  onIdle(socket: Socket): void;
  /** The number of requests that wait has changed by this much. */
  onWaiting?(change: number): void;
  /** More have been sent ahead than may wait. */
  onFlood(socket: Socket): void;
}

interface Turns {
  count: number;
  isBusy: boolean;
  readonly waiting: Array<() => void>;
}

/**
 * Handles one request of a connection at a time. While others wait nothing is read from it, so that what a client sends ahead
 * stays with the client: else one connection could have thousands of requests in progress.
 */
export function inTurn(options: InTurnOptions) {
  const { requestsPerConnectionMax, handle, onBusy, onIdle, onFlood, onWaiting = () => undefined } = options;
  const connections = new WeakMap<Socket, Turns>();

  const start = (turns: Turns, request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    turns.isBusy = true;
    response.once("close", () => next(turns, socket, response));
    handle(request, response);
  };
  const next = (turns: Turns, socket: Socket, answered: ServerResponse): void => {
    turns.isBusy = false;
    if (socket.destroyed || !answered.shouldKeepAlive || answered.getHeader("Connection") === "close") {
      onWaiting(-turns.waiting.length);
      turns.waiting.length = 0; // No response to them would arrive.
    }
    const startNext = turns.waiting.shift();
    if (startNext !== undefined) {
      onWaiting(-1);
      startNext();
      return;
    }
    onIdle(socket);
    if (!socket.destroyed && socket.isPaused()) {
      socket.resume();
    }
  };
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request;
    const turns = connections.get(socket) ?? { count: 0, isBusy: false, waiting: [] };
    connections.set(socket, turns);
    turns.count += 1;
    if (turns.count === requestsPerConnectionMax) {
      response.setHeader("Connection", "close");
    }
    if (!turns.isBusy) {
      onBusy(socket);
      start(turns, request, response);
    } else if (turns.waiting.length < waitingMax) {
      onWaiting(1);
      turns.waiting.push(() => start(turns, request, response));
      // The parser starts to read again at the end of each message, so it is stopped after that.
      setImmediate(() => turns.waiting.length > 0 && socket.pause());
    } else if (!socket.destroyed) {
      socket.destroy();
      onFlood(socket);
    }
  };
}
