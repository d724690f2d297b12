import { channel } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";

interface Message {
  readonly request: ClientRequest;
  readonly response?: IncomingMessage;
  readonly error?: Error;
}

/** Writes a line for each response of the service, and for each request that fails. Returns a function that stops it. */
export function traceRequests(write: (line: string) => void): () => void {
  const starts = new WeakMap<ClientRequest, number>();
  const log = ({ request }: Message, outcome: string) => {
    // Requests for credentials lack this header; their paths may be secrets.
    if (request.hasHeader("x-amz-content-sha256")) {
      const milliseconds = Math.round(performance.now() - (starts.get(request) ?? Number.NaN));
      write(`${request.method} ${request.host} ${request.path}: ${outcome} after ${milliseconds} ms`);
    }
  };
  const listeners: Readonly<Record<string, (message: Message) => void>> = {
    "http.client.request.start": ({ request }) => starts.set(request, performance.now()),
    "http.client.response.finish": (message) =>
      log(message, `${message.response?.statusCode} (request id ${message.response?.headers["x-amzn-requestid"]})`),
    "http.client.request.error": (message) => log(message, String(message.error)),
  };
  const all = Object.entries(listeners) as [string, (message: unknown) => void][];
  for (const [name, listen] of all) {
    channel(name).subscribe(listen);
  }
  return () => {
    for (const [name, listen] of all) {
      channel(name).unsubscribe(listen);
    }
  };
}
