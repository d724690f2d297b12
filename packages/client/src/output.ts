import { type Operation, parseLossless } from "@moraine/protocol";
import { type Attempt, connectionError, unexpectedAnswer } from "./http/error-answer.ts";
import { type Answer, BodyTooLargeError, readText } from "./http/http.ts";

/** Several times the size of the largest page of a list. */
const documentBytesMax = 16 * 1024 ** 2;

/** Reads a response of success as typed output, according to the operations table. A header that was not sent is left out. */
export async function readOutput(
  operation: Operation,
  answer: Answer,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<object> {
  const text = await textOf(answer, attempt, signal);
  const members = headerMembers(operation, answer, attempt);
  if (operation.response !== "json") {
    return members;
  }
  const body = jsonOf(text, answer, attempt);
  return operation.responsePayload === undefined ? { ...body, ...members } : { [operation.responsePayload]: body };
}

export async function textOf(answer: Answer, attempt: Attempt, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await readText(answer, documentBytesMax);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof BodyTooLargeError) {
      throw unexpectedAnswer(answer, attempt, `responded with ${answer.status} and ${error.message}`);
    }
    throw connectionError(attempt, "the response was interrupted", error);
  }
}

/** Parses a JSON object. The error for anything else quotes its beginning. */
export function jsonOf(text: string, answer: Answer, attempt: Attempt): object {
  const value = parsed(text);
  if (typeof value !== "object" || value === null) {
    const start = JSON.stringify(text.slice(0, 80));
    throw unexpectedAnswer(
      answer,
      attempt,
      `responded with ${answer.status} and a body that is no JSON object: ${start}`,
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

function headerMembers({ responseHeaders = {} }: Operation, answer: Answer, attempt: Attempt): object {
  const members = Object.entries(responseHeaders).flatMap(([member, header]) => {
    const value = answer.header(header);
    if (value === null && member.endsWith("Id")) {
      throw unexpectedAnswer(answer, attempt, `responded with ${answer.status}, without the header ${header}`);
    }
    return value === null ? [] : [[member, value] as const];
  });
  return Object.fromEntries(members);
}
