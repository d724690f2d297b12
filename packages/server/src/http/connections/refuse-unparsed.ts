import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { errors } from "@moraine/protocol";
import { newRequestId } from "../../domain/new-id.ts";
import { errorReply } from "../wire/error-reply.ts";
import type { ReplyLimits } from "../wire/respond.ts";

interface RefusalOptions {
  readonly limits: Pick<ReplyLimits, "drainSecondsMax">;
  /** Headers of every response. */
  readonly headers: Readonly<Record<string, string>>;
  systemNow(): Date;
}

/**
 * Refuses what the parser could not read as a request: the response is written by hand, and the connection ends. Where another
 * response is still due on the connection, or on its way, there is no place for this one: the client would take it for that.
 */
export function refuseUnparsed(
  { systemNow, headers: always, limits }: RefusalOptions,
  error: NodeJS.ErrnoException,
  socket: Socket,
  latest: ServerResponse | undefined,
): void {
  if (socket.writableEnded) {
    return; // More of what was refused before.
  }
  if (!socket.writable || error.code === "ECONNRESET" || (latest !== undefined && !mayBeRefused(latest))) {
    socket.destroy();
    return;
  }
  const timedOut = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const { status, headers, body } = errorReply(
    timedOut
      ? errors.requestTimeout()
      : errors.badRequest("The request is not well-formed HTTP, or its headers are too long"),
  );
  const lines = Object.entries({
    "x-amzn-RequestId": newRequestId(),
    Date: systemNow().toUTCString(),
    ...always,
    ...headers,
    Connection: "close",
  }).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    `HTTP/1.1 ${status} ${timedOut ? "Request Timeout" : "Bad Request"}\r\n${lines.join("\r\n")}\r\n\r\n${body}`,
  );
  // A client that still sends would lose the response to a reset, so it may continue for a while.
  setTimeout(() => socket.destroy(), limits.drainSecondsMax * 1000).unref();
}

/** Whether every earlier request has its response, or the body of the current one broke before its response was started. */
function mayBeRefused({ writableFinished, headersSent, socket, req }: ServerResponse): boolean {
  return writableFinished || (!headersSent && socket !== null && !req.complete);
}
