import { type Operation, parseLossless } from "@moraine/protocol";
import { type Attempt, connectionError, unexpectedResponse } from "./http/error-response.ts";
import { BodyTooLargeError, type HttpResponse, readText } from "./http/http.ts";

/** Several times the size of the largest page of a list. */
const documentBytesMax = 16 * 1024 ** 2;

/** Reads a response of success as typed output, according to the operations table. A header that was not sent is left out. */
export async function readOutput(
  operation: Operation,
  response: HttpResponse,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<object> {
  const text = await textOf(response, attempt, signal);
  const fields = headerFields(operation, response, attempt);
  if (operation.response !== "json") {
    return fields;
  }
  const body = jsonOf(text, response, attempt);
  return operation.responsePayload === undefined ? { ...body, ...fields } : { [operation.responsePayload]: body };
}

export async function textOf(
  response: HttpResponse,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    return await readText(response, documentBytesMax);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof BodyTooLargeError) {
      throw unexpectedResponse(response, attempt, `responded with ${response.status} and ${error.message}`);
    }
    throw connectionError(attempt, "the response was interrupted", error);
  }
}

/** Parses a JSON object. The error for anything else quotes its beginning. */
export function jsonOf(text: string, response: HttpResponse, attempt: Attempt): object {
  const value = parsed(text);
  if (typeof value !== "object" || value === null) {
    const start = JSON.stringify(text.slice(0, 80));
    throw unexpectedResponse(
      response,
      attempt,
      `responded with ${response.status} and a body that is no JSON object: ${start}`,
    );
  }
  return value;
}

function parsed(text: string): unknown {
  try {
    return parseLossless(text);
  } catch {
    return undefined;
  }
}

function headerFields({ responseHeaders = {} }: Operation, response: HttpResponse, attempt: Attempt): object {
  const fields = Object.entries(responseHeaders).flatMap(([field, header]) => {
    const value = response.header(header);
    if (value === null && field.endsWith("Id")) {
      throw unexpectedResponse(response, attempt, `responded with ${response.status}, without the header ${header}`);
    }
    return value === null ? [] : [[field, value] as const];
  });
  return Object.fromEntries(fields);
}
