import { type ErrorCode, GlacierError, OverloadError } from "@moraine/protocol";
import { jsonReply, type Reply } from "../wire/encode.ts";
import type { WireRequest } from "../wire/wire-request.ts";

/** How a response of STS is written: as XML, or as JSON for a client whose `Accept` asks for it. */
export interface StsForm {
  readonly isJson: boolean;
  readonly requestId: string;
}

export function stsFormOf({ header }: WireRequest, requestId: string): StsForm {
  return { isJson: /\bapplication\/json\b/.test(header("accept") ?? ""), requestId };
}

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/";

/** STS has codes of its own, and other statuses than the vault API. */
const codes: Partial<Readonly<Record<ErrorCode, readonly [code: string, status: number]>>> = {
  AccessDeniedException: ["AccessDenied", 403],
  ExpiredTokenException: ["ExpiredToken", 403],
  IncompleteSignatureException: ["IncompleteSignature", 400],
  InvalidParameterValueException: ["InvalidAction", 400],
  InvalidSignatureException: ["SignatureDoesNotMatch", 403],
  MissingAuthenticationTokenException: ["MissingAuthenticationToken", 403],
  RequestTimeoutException: ["RequestTimeout", 408],
  ServiceUnavailableException: ["InternalFailure", 500],
  ThrottlingException: ["Throttling", 400],
  UnrecognizedClientException: ["InvalidClientTokenId", 403],
};

/** A refusal that the client must get in STS's form. */
export class StsError extends GlacierError {
  readonly form: StsForm;
  /** Set when the service had too much to do: the client is asked to try again after this time. */
  readonly retryAfterSeconds: number | null;

  constructor(refusal: GlacierError, form: StsForm) {
    super(refusal.code, refusal.message, { cause: refusal.cause });
    this.form = form;
    this.retryAfterSeconds = refusal instanceof OverloadError ? refusal.retryAfterSeconds : null;
  }
}

/** STS's code for an overload, which clients retry. @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
const overload = ["ServiceUnavailable", 503] as const;

export function stsErrorReply(error: StsError): Reply {
  const { isJson, requestId } = error.form;
  const { retryAfterSeconds } = error;
  const [code, status] =
    retryAfterSeconds !== null ? overload : (codes[error.code] ?? ["ValidationError", error.status]);
  const details = { Type: status < 500 ? "Sender" : "Receiver", Code: code, Message: error.message };
  const content = { Error: details, RequestId: requestId };
  const reply = isJson ? jsonReply(status, content) : xmlReply(status, "ErrorResponse", content);
  return retryAfterSeconds === null
    ? reply
    : { ...reply, headers: { ...reply.headers, "Retry-After": String(retryAfterSeconds) } };
}

/** The result of an action. @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
export function stsReply(action: string, result: Readonly<Record<string, string>>, form: StsForm): Reply {
  const content = { [`${action}Result`]: result, ResponseMetadata: { RequestId: form.requestId } };
  return form.isJson ? jsonReply(200, { [`${action}Response`]: content }) : xmlReply(200, `${action}Response`, content);
}

interface Elements {
  readonly [name: string]: string | Elements;
}

function xmlReply(status: number, root: string, content: Elements): Reply {
  const body = `<${root} xmlns="${namespace}">${elements(content)}</${root}>\n`;
  const length = String(Buffer.byteLength(body));
  return { status, headers: { "Content-Type": "text/xml", "Content-Length": length }, body };
}

function elements(content: Elements): string {
  return Object.entries(content)
    .map(([name, value]) => `<${name}>${typeof value === "string" ? escaped(value) : elements(value)}</${name}>`)
    .join("");
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
