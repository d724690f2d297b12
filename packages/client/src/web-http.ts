import type { Answer, AnswerBody, HttpRequest } from "./http.ts";
import { orAborted } from "./retry.ts";

/** By `fetch`, to which browsers let one give a body only as a whole. */
export async function webHttp(url: URL, { method, headers, body, signal }: HttpRequest): Promise<Answer> {
  const isWhole = body === null || body instanceof Uint8Array;
  const content = isWhole ? body : await orAborted(blobOf(body), signal);
  const sent = new Headers(headers);
  if (sent.has("range")) {
    sent.delete("accept-encoding"); // With a range, fetch asks for none by itself.
  }
  const answer = await fetch(url, {
    method,
    headers: sent,
    body: content,
    redirect: "manual", // A redirect would carry the signature to whoever it names.
    ...(signal !== undefined && { signal }),
  });
  const { status, statusText } = answer;
  return { status, statusText, header: (name) => answer.headers.get(name), body: bodyOf(answer) };
}

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
