import type { HttpRequest, HttpResponse, HttpResponseBody } from "./http.ts";
import { orAborted } from "./retry.ts";

/** Sends a request by `fetch`. A body in pieces is collected first, since browsers accept no other. */
export async function webHttp(url: URL, request: HttpRequest): Promise<HttpResponse> {
  const { method, headers, body, signal, timeoutMilliseconds } = request;
  const isWhole = body === null || body instanceof Uint8Array;
  const content = isWhole ? body : await orAborted(blobOf(body), signal);
  const sent = new Headers(headers);
  if (sent.has("range")) {
    sent.delete("accept-encoding"); // Fetch itself disables compression for ranges.
  }
  const late = new AbortController();
  // Only requests without a body have a limit: fetch does not report how far a body has been sent.
  const timer =
    body === null ? setTimeout(() => late.abort(lateError(timeoutMilliseconds)), timeoutMilliseconds) : null;
  const response = await fetch(url, {
    method,
    headers: sent,
    body: content,
    redirect: "manual", // A redirect would send the signature to any host that it names.
    signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
  }).finally(() => timer !== null && clearTimeout(timer));
  const { status, statusText } = response;
  return { status, statusText, header: (name) => response.headers.get(name), body: bodyOf(response) };
}

const lateError = (milliseconds: number) => new Error(`No response within ${milliseconds} ms`);

async function blobOf(pieces: AsyncIterable<Uint8Array>): Promise<Blob> {
  const kept: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of pieces) {
    kept.push(piece.slice());
  }
  return new Blob(kept);
}

function bodyOf({ body }: Response): HttpResponseBody {
  const reader = body?.getReader();
  return {
    next: async () => (await reader?.read())?.value ?? null,
    cancel: async () => reader?.cancel(),
  };
}
