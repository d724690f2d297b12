import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { errors } from "@moraine/protocol";
import { newRequestId } from "../../domain/new-id.ts";
import { type PageSources, page } from "../pages/server-pages.ts";
import { errorReply } from "../wire/error-reply.ts";
import { respond } from "../wire/respond.ts";
import { readWireRequest } from "../wire/wire-request.ts";
import { inTurn } from "./in-turn.ts";
import { httpLimits } from "./limits.ts";

const connectionsMax = 64;
const timeoutMilliseconds = 10_000;
const everything = { seesReasons: true, seesMetrics: true };

/** Serves the metrics, and health with its reasons, apart from the API: to those who can reach this address. */
export function createOperatorListener(pages: () => PageSources): Server {
  const takeTurn = inTurn({
    ...httpLimits,
    handle: (request, response) => void answer(request, response, pages()),
    onBusy: () => undefined,
    onIdle: () => undefined,
    onFlood: () => undefined,
  });
  const server = createServer({ headersTimeout: timeoutMilliseconds, requestTimeout: timeoutMilliseconds }, takeTurn);
  server.maxConnections = connectionsMax;
  return server;
}

async function answer(request: IncomingMessage, response: ServerResponse, sources: PageSources): Promise<void> {
  response.setHeader("x-amzn-RequestId", newRequestId());
  try {
    await respond(request, response, await reply(request, sources), httpLimits);
  } catch {
    response.destroy();
  }
}

async function reply(message: IncomingMessage, sources: PageSources) {
  try {
    const request = readWireRequest(message);
    const found = await page(request, sources, everything);
    return (
      found ?? errorReply(errors.badRequest(`No page has this method and path: ${request.method} ${request.path}`))
    );
  } catch (error) {
    return errorReply(error);
  }
}
