import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Certificate } from "./certificate.ts";

// The other ends of notifications, as real listeners of this machine: a webhook, and a service that speaks SNS's protocol.

export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** In the order in which their bodies ended. */
  readonly requests: readonly ReceivedRequest[];
  /** Also of those that said nothing. */
  readonly connections: number;
  /** How it answers from now on. */
  answer: Answer;
  stop(): Promise<void>;
}

export interface ReceiverOptions {
  readonly answer: Answer;
  /** @default plain HTTP */
  readonly tls?: Certificate;
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** @default a free one */
  readonly port?: number;
}

export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { tls, host = "127.0.0.1" } = options;
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = tls === undefined ? createServer() : createTlsServer({ cert: tls.cert, key: tls.key });
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  server.on("request", async (message, response) => {
    const pieces: Buffer[] = [];
    message.on("error", () => undefined).on("data", (piece: Buffer) => pieces.push(piece));
    await once(message, "end");
    const { method = "", url = "", headers } = message;
    const request = { method, path: url, headers, body: Buffer.concat(pieces).toString() };
    requests.push(request);
    receiver.answer(
      response.on("error", () => undefined),
      request,
    );
  });
  server.listen(options.port ?? 0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) {
      socket.destroy();
    }
    await closed;
  };
  const receiver = {
    url: `${tls === undefined ? "http" : "https"}://${host}:${port}`,
    port,
    requests,
    get connections() {
      return connections;
    },
    answer: options.answer,
    stop,
    [Symbol.asyncDispose]: () => (server.listening ? stop() : Promise.resolve()),
  };
  return receiver;
}

export const answerWith =
  (status: number, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) => {
    response.writeHead(status, headers).end();
  };

/** Has the message, and says nothing. */
export const holdBack: Answer = () => undefined;

/** The response of SNS to Publish. */
export const snsAccepts: Answer = (response, { body }) => {
  assert.equal(new URLSearchParams(body).get("Action"), "Publish");
  response
    .writeHead(200, { "content-type": "text/xml" })
    .end(
      `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>${crypto.randomUUID()}</MessageId></PublishResult>` +
        `<ResponseMetadata><RequestId>${crypto.randomUUID()}</RequestId></ResponseMetadata></PublishResponse>`,
    );
};

export const snsRefuses =
  (status: number, code: string): Answer =>
  (response) => {
    response
      .writeHead(status, { "content-type": "text/xml" })
      .end(
        `<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>${code}</Code>` +
          `<Message>a secret of the endpoint</Message></Error><RequestId>${crypto.randomUUID()}</RequestId></ErrorResponse>`,
      );
  };

/** The envelope of a webhook's request, whose signature and headers must be right. */
export function readEnvelope({ method, headers, body }: ReceivedRequest, secret: string): Record<string, string> {
  assert.equal(method, "POST");
  const envelope = JSON.parse(body) as Record<string, string>;
  assert.equal(headers["content-type"], "text/plain; charset=UTF-8");
  assert.equal(headers["x-amz-sns-message-type"], "Notification");
  assert.equal(headers["x-amz-sns-message-id"], envelope["MessageId"]);
  assert.equal(headers["x-amz-sns-topic-arn"], envelope["TopicArn"]);
  const [, time = "", signature] = /^t=([0-9]+),v1=([0-9a-f]{64})$/.exec(String(headers["x-moraine-signature"])) ?? [];
  assert.equal(signature, createHmac("sha256", secret).update(`${time}.${body}`).digest("hex"));
  return envelope;
}
