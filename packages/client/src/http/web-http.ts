import type { Answer, AnswerBody, HttpRequest } from "./http.ts";
import { orAborted } from "./retry.ts";

/** By `fetch`, to which browsers let one give a body only as a whole. */
export async function webHttp(url: URL, request: HttpRequest): Promise<Answer> {
  const { method, headers, body, signal, timeoutMilliseconds } = request;
  const isWhole = body === null || body instanceof Uint8Array;
  const content = isWhole ? body : await orAborted(blobOf(body), signal);
  const sent = new Headers(headers);
  if (sent.has("range")) {
    sent.delete("accept-encoding"); // With a range, fetch asks for none by itself.
  }
  const late = new AbortController();
  // How far a body has been sent fetch does not tell, so only requests without one have a limit.
  const timer =
    body === null ? setTimeout(() => late.abort(lateError(timeoutMilliseconds)), timeoutMilliseconds) : null;
  const answer = await fetch(url, {
    method,
    headers: sent,
    body: content,
    redirect: "manual", // A redirect would carry the signature to whoever it names.
    signal: signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]),
  }).finally(() => timer !== null && clearTimeout(timer));
  const { status, statusText } = answer;
  return { status, statusText, header: (name) => answer.headers.get(name), body: bodyOf(answer) };
}

const lateError = (milliseconds: number) => new Error(`No response within ${milliseconds} ms`);

async function blobOf(pieces: AsyncIterable<Uint8Array>): Promise<Blob> {
  const kept: Uint8Array<ArrayBuffer>[] = [];
  for await (const piece of pieces) {
    kept.push(piece.slice());
  }
  return new Blob(kept);
}

function bodyOf({ body }: Response): AnswerBody {
  const reader = body?.getReader();
  return {
    next: async () => (await reader?.read())?.value ?? null,
    cancel: async () => reader?.cancel(),
  };
}
