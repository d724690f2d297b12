import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer, Server as TlsServer } from "node:https";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { errors, GlacierError } from "@moraine/protocol";
import { carriesSignature } from "../../auth/signature-claim.ts";
import type { AuditTrail } from "../../domain/audit.ts";
import { clientNetwork } from "../../domain/client-network.ts";
import { newRequestId } from "../../domain/new-id.ts";
import type { Network } from "../../domain/policy/conditions/addresses.ts";
import type { RequestCounts } from "../../domain/request-counts.ts";
import { audited } from "../audited.ts";
import { BodyMemory } from "../body/body-memory.ts";
import { ClientGoneError, requestBody } from "../body/request-body.ts";
import { shortBody } from "../body/short-body.ts";
import { StsError, stsFormOf } from "../body/sts-form.ts";
import { type PageSources, page, startingPages } from "../pages/server-pages.ts";
import { welcomePage } from "../pages/welcome-page.ts";
import { type ServeContext, serve } from "../serve.ts";
import { type AdminContext, isAdminPath, serveAdmin } from "../serve-admin.ts";
import { isStsRequest, type StsContext, serveSts } from "../serve-sts.ts";
import type { Reply } from "../wire/encode.ts";
import { errorReply, isInternal } from "../wire/error-reply.ts";
import { loggedUrl } from "../wire/logged-url.ts";
import { respond } from "../wire/respond.ts";
import { readWireRequest, type WireRequest } from "../wire/wire-request.ts";
import { ClientTurns, type Turn } from "./client-turns.ts";
import { type ConnectionCounts, Connections } from "./connections.ts";
import { inTurn } from "./in-turn.ts";
import type { HttpLimits } from "./limits.ts";
import { refuseUnparsed } from "./refuse-unparsed.ts";
import { StrangerPace } from "./stranger-pace.ts";
import { type Certificate, secureOptions, strictTransportSecurity } from "./tls.ts";

/** The outcome of one request, for logs and metrics. */
export interface RequestRecord {
  readonly requestId: string;
  /** The operation's name; `page`, or `none` when the request was not understood. */
  readonly operation: string;
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly seconds: number;
  readonly clientGone: boolean;
  /** Only a failure of ours. */
  readonly error: unknown;
}

export interface ListenerOptions {
  readonly limits: HttpLimits;
  /** Networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  readonly trustedProxies: readonly Network[];
  /** Whether anybody who reaches this listener may see the metrics. */
  readonly servesMetrics: boolean;
  /** Null serves plain HTTP. */
  readonly certificate: Certificate | null;
  /** The system's time: dates on the wire are for clients, whose clocks are not ours to move. */
  systemNow(): Date;
}

/** Serves requests once the service has started. */
export interface ServiceContext extends ServeContext {
  readonly admin: AdminContext;
  readonly sts: StsContext;
  readonly pages: PageSources;
  readonly audit: AuditTrail;
  readonly requestCounts: Pick<RequestCounts, "received" | "responded">;
  onRequest(record: RequestRecord): void;
}

/** The work and the memory of requests now. */
export interface ListenerLoad {
  readonly connections: ConnectionCounts;
  /** Requests that wait for earlier ones of their connections or clients. */
  readonly waitingRequests: number;
  /** Bytes of bodies that are collected. */
  readonly bufferedBytes: number;
}

export interface Listener {
  readonly server: Server;
  readonly connections: Pick<Connections, "closeUnused" | "closeAll">;
  /** Until then the response to every request is that the service is starting. */
  serve(context: ServiceContext): void;
  pages(): PageSources;
  load(): ListenerLoad;
  /** Has new connections use it. Throws, changing nothing, when it does not fit its key. */
  replaceCertificate(certificate: Certificate): void;
}

interface Options extends ListenerOptions {
  readonly memory: BodyMemory;
  readonly pace: StrangerPace;
  readonly turns: ClientTurns;
  /** Whether there was no place for the connection. */
  isTurnedAway(socket: Socket): boolean;
  /** Null while the service is starting. */
  readonly context: ServiceContext | null;
}

const serverOptions: ServerOptions = {
  // A 4 GiB part on a slow line takes hours: bodies have bounds of their own.
  requestTimeout: 0,
  headersTimeout: 10_000,
  connectionsCheckingInterval: 1000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16 * 1024,
  // Asked for expressly, whatever flags the process was started with.
  insecureHTTPParser: false,
  // Node's own response would lack the API's form: `readWireRequest` refuses instead.
  requireHostHeader: false,
};

const handshakeTimeout = 10_000;

export function createListener(options: ListenerOptions): Listener {
  const { certificate, limits, trustedProxies } = options;
  let context: ServiceContext | null = null;
  const server =
    certificate === null
      ? createServer(serverOptions)
      : createTlsServer({ ...serverOptions, ...secureOptions(certificate), handshakeTimeout });
  // The parser drops what exceeds this count, silently: it must not, and the request is refused instead.
  server.maxHeadersCount = 0;
  const connections = new Connections(limits, trustedProxies);
  server.on("connection", (socket) => connections.admit(socket));
  server.on("secureConnection", (socket) => connections.secured(socket));
  const memory = new BodyMemory(limits.bufferedBytesMax);
  const pace = new StrangerPace(limits.strangers);
  const turns = new ClientTurns();
  const isTurnedAway = (socket: Socket) => connections.isTurnedAway(socket);
  let waitingRequests = 0;
  const takeTurn = inTurn({
    ...limits,
    handle: (request, response) =>
      void answer({ ...options, memory, pace, turns, isTurnedAway, context }, request, response),
    onBusy: (socket) => connections.busy(socket),
    onIdle: (socket) => connections.idle(socket),
    onWaiting: (change) => {
      waitingRequests += change;
    },
    onFlood: (socket) => connections.punish(socket),
  });
  const latest = new WeakMap<Socket, ServerResponse>();
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    latest.set(request.socket, response);
    takeTurn(request, response);
  };
  server.on("request", onRequest);
  // The body asks for `100 Continue` when it is first read; until then a refusal costs the client nothing.
  server.on("checkContinue", onRequest).on("checkExpectation", onRequest);
  server.on("clientError", (error, socket) =>
    refuseUnparsed(
      { ...options, headers: securityHeaders(options) },
      error,
      socket as Socket,
      latest.get(socket as Socket),
    ),
  );
  return {
    server,
    connections,
    serve(given) {
      context = given;
    },
    pages: () => context?.pages ?? startingPages,
    load: () => ({
      connections: connections.counts,
      waitingRequests: waitingRequests + turns.waiting,
      bufferedBytes: memory.sizeBytes,
    }),
    replaceCertificate(renewed) {
      if (server instanceof TlsServer) {
        server.setSecureContext(secureOptions(renewed));
      }
    },
  };
}

async function answer(options: Options, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const start = performance.now();
  const requestId = newRequestId();
  response.setHeader("x-amzn-RequestId", requestId);
  for (const [name, value] of Object.entries(securityHeaders(options))) {
    response.setHeader(name, value);
  }
  let operation = "none";
  let failure: unknown = null;
  const onRoute = (name: string) => {
    operation = name;
    options.context?.requestCounts.received(name);
  };
  const onHead = (status: number) => options.context?.requestCounts.responded(operation, status);
  try {
    const answer = await reply(options, request, response, { requestId, onRoute });
    await respond(request, response, answer, options.limits, onHead);
  } catch (error) {
    failure = error;
    await sendFailure(options, request, response, error, onHead);
  }
  const clientGone = failure instanceof ClientGoneError;
  options.context?.onRequest({
    requestId,
    operation,
    method: request.method ?? "",
    url: loggedUrl(request.url ?? ""),
    status: clientGone ? 499 : response.statusCode,
    seconds: (performance.now() - start) / 1000,
    clientGone,
    error: failure !== null && !clientGone && isInternal(failure) ? failure : null,
  });
}

/** Plain HTTP must not promise TLS. */
const securityHeaders = ({ certificate }: ListenerOptions): Readonly<Record<string, string>> =>
  certificate === null ? {} : strictTransportSecurity;

interface Observers {
  readonly requestId: string;
  onRoute(name: string): void;
}

/** A response to a client that has not proven who it is may have to wait, also when it is an error. */
async function reply(
  options: Options,
  message: IncomingMessage,
  response: ServerResponse,
  observers: Observers,
): Promise<Reply> {
  const isTurnedAway = options.isTurnedAway(message.socket);
  if (isTurnedAway) {
    response.setHeader("Connection", "close");
  }
  const request = readWireRequest(message, options.trustedProxies);
  if (isTurnedAway) {
    const reason = "The service has no room for more connections at the moment. Try again later.";
    throw overloadOf(request, reason, observers.requestId);
  }
  const network = clientNetwork(request.address);
  let isStranger = true;
  const onVerified = () => {
    isStranger = false;
  };
  try {
    return await replyTo(options, { request, message, response, network, onVerified, ...observers });
  } finally {
    if (isStranger && (await options.pace.wait(network))) {
      // Drops whatever else the client has sent on this connection.
      response.setHeader("Connection", "close");
    }
  }
}

interface Exchange extends Observers {
  readonly request: WireRequest;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly network: string;
  onVerified(): void;
}

async function replyTo(options: Options, exchange: Exchange): Promise<Reply> {
  const { context, servesMetrics } = options;
  const { request, requestId, onRoute } = exchange;
  const audience = { seesReasons: false, seesMetrics: servesMetrics };
  const own = carriesSignature(request)
    ? null
    : (welcomePage(request) ?? (await page(request, context?.pages ?? startingPages, audience)));
  if (own !== null) {
    onRoute("page");
    return own;
  }
  if (context === null) {
    throw overloadOf(request, "The service is starting. Try again later.", requestId);
  }
  const turn = options.turns.of(exchange.network);
  await turn.take();
  try {
    return await serveIn(turn, context, options, exchange);
  } finally {
    turn.release();
  }
}

async function serveIn(turn: Turn, context: ServiceContext, options: Options, exchange: Exchange): Promise<Reply> {
  const { limits, memory } = options;
  const { request, message, response, requestId, onRoute, onVerified } = exchange;
  const json = shortBody(message, response, { limits, memory, source: exchange.network, turn });
  const incoming = {
    request,
    body: requestBody(message, response, { ...limits, turn }),
    shortBody: json,
    onRoute,
    onVerified,
    audit: context.audit.begin({ requestId, address: request.address }),
    resetConnection: () => reset(message.socket),
    onClientGone: (listener: () => void) => void response.once("close", listener),
  };
  try {
    return await audited(incoming, () => {
      if (isStsRequest(request)) {
        return serveSts(context.sts, incoming, requestId);
      }
      return isAdminPath(request.path) ? serveAdmin(context.admin, incoming) : serve(context, incoming);
    });
  } finally {
    json.release();
  }
}

/** Refuses a request before anything of it is done, in the form that its client reads. */
function overloadOf(request: WireRequest, reason: string, requestId: string): GlacierError {
  const refusal = errors.overloaded(reason);
  return isStsRequest(request) ? new StsError(refusal, stsFormOf(request, requestId)) : refusal;
}

/** Beneath TLS there is no way to a reset: there the connection just ends, without a word. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) {
    socket.destroy();
  } else {
    socket.resetAndDestroy();
  }
}

/** Nothing here may throw: it is the last resort of a request. */
async function sendFailure(
  { limits }: ListenerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  onHead: (status: number) => void,
): Promise<void> {
  if (response.headersSent || error instanceof ClientGoneError) {
    response.destroy();
    return;
  }
  if (error instanceof GlacierError && error.code === "BadRequest") {
    // Other requests on such a connection could come from anybody: behind a proxy, a malformed one may have smuggled them in.
    response.setHeader("Connection", "close");
  }
  await respond(request, response, errorReply(error), limits, onHead).catch(() => response.destroy());
}
