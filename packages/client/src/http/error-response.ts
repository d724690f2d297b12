import { codeOf } from "../error-code.ts";
import {
  GlacierConnectionError,
  type GlacierServiceError,
  type Refusal,
  serviceError,
  UnexpectedResponseError,
} from "../errors.ts";
import { type HttpResponse, readStart } from "./http.ts";

/** Identifies the request in errors. */
export interface Attempt {
  readonly operation: string;
  readonly attempts: number;
}

/** The maximum length of the quotation from a proxy's page. */
const quoteLengthMax = 200;
/**
 * Larger than any error of this API. The message about a wrong signature is the longest: it shows the request as it should have been
 * signed.
 */
const errorBytesMax = 64 * 1024;
const errorMilliseconds = 10_000;
/** A longer Retry-After is cut to this. */
const retryAfterMillisecondsMax = 3_600_000;

/** Reads a response other than 2xx as an error. */
export async function refusalOf(response: HttpResponse, attempt: Attempt): Promise<GlacierServiceError> {
  const text = await readStart(response, errorBytesMax, errorMilliseconds);
  const { code, message, type } = errorFieldsOf(text);
  if (code === undefined) {
    return unexpectedResponse(response, attempt, inWords(response, text));
  }
  return serviceError({ ...factsOf(response, attempt), code, message: message ?? code, type: type ?? "Unknown" });
}

/** Returns the error for a response that Glacier would not send. */
export function unexpectedResponse(response: HttpResponse, attempt: Attempt, message: string): UnexpectedResponseError {
  return new UnexpectedResponseError({
    ...factsOf(response, attempt),
    code: "UnexpectedResponse",
    message: `${attempt.operation}: ${message}`,
    type: "Unknown",
  });
}

/** Returns the error for no response, or for an incomplete one. */
export function connectionError(attempt: Attempt, what: string, error: unknown): GlacierConnectionError {
  const cause = error instanceof TypeError && error.cause !== undefined ? error.cause : error;
  const reason = cause instanceof Error ? cause.message || String(codeOf(cause) ?? cause.name) : cause;
  return new GlacierConnectionError(`${attempt.operation}: ${what}: ${reason}`, { ...attempt, cause });
}

function factsOf(response: HttpResponse, attempt: Attempt) {
  const requestId = response.header("x-amzn-requestid");
  return { ...attempt, status: response.status, requestId, retryAfterMilliseconds: retryAfterOf(response) };
}

/** Parses seconds or a date: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after. A date counts from the response's own. */
function retryAfterOf(response: HttpResponse): number | undefined {
  const value = response.header("retry-after")?.trim() ?? "";
  if (/^[0-9]{1,9}$/.test(value)) {
    return Math.min(Number(value) * 1000, retryAfterMillisecondsMax);
  }
  const milliseconds = Date.parse(value) - Date.parse(response.header("date") ?? "");
  return Number.isNaN(milliseconds) ? undefined : Math.min(Math.max(0, milliseconds), retryAfterMillisecondsMax);
}

function errorFieldsOf(text: string): Partial<Pick<Refusal, "code" | "message" | "type">> {
  try {
    const { code, message, type } = JSON.parse(text) as Record<string, unknown>;
    return {
      ...(typeof code === "string" && { code }),
      ...(typeof message === "string" && { message }),
      ...((type === "Client" || type === "Server") && { type }),
    };
  } catch {
    return {};
  }
}

function inWords(response: HttpResponse, text: string): string {
  const status = `${response.status} ${response.statusText}`.trim();
  const target = response.header("location");
  if (target !== null) {
    return `responded with ${status}, a redirect to ${target}, which is not followed; check the endpoint`;
  }
  const words = visibleText(text).replace(/\s+/g, " ").trim();
  return `responded with ${status}, but not as this service does${words === "" ? "" : `: ${words.slice(0, quoteLengthMax)}`}`;
}

/** Returns the visible text of a page, without tags, styles and scripts. Scans it once, in linear time. */
function visibleText(page: string): string {
  const [start = "", ...parts] = page.split("<");
  const shown = [start];
  let hiddenUntil: string | null = null;
  for (const part of parts) {
    const tag = /^\/?[a-z]*/i.exec(part)?.[0].toLowerCase() ?? "";
    if (hiddenUntil === null && hidingTags.has(tag)) {
      hiddenUntil = `/${tag}`;
    } else if (hiddenUntil === null || hiddenUntil === tag) {
      hiddenUntil = null;
      shown.push(part.slice(part.indexOf(">") + 1 || part.length));
    }
  }
  return shown.join(" ");
}

const hidingTags: ReadonlySet<string> = new Set(["style", "script"]);
