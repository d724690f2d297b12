import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Responds to one request, which has been read to its end. */
export type Step = (response: ServerResponse, request: Seen) => void;

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly Seen[];
}

/** A server that takes one step for each request, and the last one for all further requests. */
export async function scriptedServer(...steps: readonly Step[]): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return; // The client has aborted it, as some tests do on purpose.
    }
    const { method = "", url = "", headers } = request;
    const one = { method, url, headers, body: Buffer.concat(pieces) };
    seen.push(one);
    steps[Math.min(seen.length, steps.length) - 1]?.(response, one);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** An error as Glacier words it. */
export const refuse =
  (status: number, code: string, message = code, headers: Record<string, string> = {}): Step =>
  (response) => {
    const type = status < 500 ? "Client" : "Server";
    response.writeHead(status, { "content-type": "application/json", "x-amzn-requestid": "REQUEST-1", ...headers });
    response.end(JSON.stringify({ code, message, type }));
  };

export const answer =
  (status: number, headers: Record<string, string> = {}, body: string | Uint8Array = ""): Step =>
  (response) => {
    response.writeHead(status, headers).end(body);
  };

export const reset: Step = (response) => {
  response.socket?.resetAndDestroy();
};

/** Announces more than it sends, and then ends the connection properly. */
export const cutShort =
  (headers: Record<string, string>, body: string | Uint8Array): Step =>
  (response) => {
    const length = String(body.length + 1000);
    response.writeHead(200, { ...headers, "content-length": length });
    response.write(body, () => response.socket?.end());
  };

export const never: Step = () => undefined;
