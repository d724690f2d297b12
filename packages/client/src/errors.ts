import { damagedDataMessage, type ErrorCode } from "@moraine/protocol";

/** What is known of an answer that is no success. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly type: "Client" | "Server" | "Unknown";
  readonly status: number;
  readonly requestId: string | null;
  readonly operation: string;
  readonly attempts: number;
  readonly retryAfterMilliseconds?: number | undefined;
}

/** The service has answered, with an error. Of a code that this version does not know, it is this class itself. */
export class GlacierServiceError extends Error {
  /** The exception's name, as in `ResourceNotFoundException`. */
  readonly code: string;
  /** Whose fault it was, by the service's own word. */
  readonly type: "Client" | "Server" | "Unknown";
  /** Of HTTP. */
  readonly status: number;
  /** What the service's operators can find the request by. */
  readonly requestId: string | null;
  /** As AWS spells it: `DescribeVault`. */
  readonly operation: string;
  /** How often the request was sent in all. */
  readonly attempts: number;
  /** How long the service asks to wait before another request, by its Retry-After header. */
  readonly retryAfterMilliseconds: number | undefined;

  constructor({ code, message, type, status, requestId, operation, attempts, retryAfterMilliseconds }: Refusal) {
    super(message);
    this.name = code;
    this.code = code;
    this.type = type;
    this.status = status;
    this.requestId = requestId;
    this.operation = operation;
    this.attempts = attempts;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
  }
}

export class AccessDeniedException extends GlacierServiceError {}
export class BadRequest extends GlacierServiceError {}
export class ExpiredTokenException extends GlacierServiceError {}
export class IncompleteSignatureException extends GlacierServiceError {}
/** Only Expedited retrievals meet it. */
export class InsufficientCapacityException extends GlacierServiceError {}
export class InvalidParameterValueException extends GlacierServiceError {}
export class InvalidSignatureException extends GlacierServiceError {}
export class LimitExceededException extends GlacierServiceError {}
export class MissingAuthenticationTokenException extends GlacierServiceError {}
export class MissingParameterValueException extends GlacierServiceError {}
/** AWS has closed the API to this account; no call will succeed. */
export class NoLongerSupportedException extends GlacierServiceError {}
export class PolicyEnforcedException extends GlacierServiceError {}
export class RequestTimeoutException extends GlacierServiceError {}
export class ResourceNotFoundException extends GlacierServiceError {}
export class SerializationException extends GlacierServiceError {}
export class ServiceUnavailableException extends GlacierServiceError {}
export class ThrottlingException extends GlacierServiceError {}
export class UnrecognizedClientException extends GlacierServiceError {}

/** The output is damaged in the store of a Moraine server. No request can do better until its operator has repaired it. */
export class DamagedDataError extends ServiceUnavailableException {
  override readonly name = "DamagedDataError";
}

/** Answered, but not as Glacier answers: a proxy in between, or another service. Its code is `UnexpectedAnswer`. */
export class UnexpectedAnswerError extends GlacierServiceError {}

/** No whole answer could be had; `cause` says why. Whether the request has been carried out is not known. */
export class GlacierConnectionError extends Error {
  override readonly name = "GlacierConnectionError";
  readonly operation: string;
  /** How often the request was sent in all. */
  readonly attempts: number;

  constructor(
    message: string,
    facts: { readonly operation: string; readonly attempts: number; readonly cause?: unknown },
  ) {
    super(message, { cause: facts.cause });
    this.operation = facts.operation;
    this.attempts = facts.attempts;
  }
}

/** The compiler refuses this table while any code lacks its class. */
const classes: { readonly [Code in ErrorCode]: typeof GlacierServiceError } = {
  AccessDeniedException,
  BadRequest,
  ExpiredTokenException,
  IncompleteSignatureException,
  InsufficientCapacityException,
  InvalidParameterValueException,
  InvalidSignatureException,
  LimitExceededException,
  MissingAuthenticationTokenException,
  MissingParameterValueException,
  NoLongerSupportedException,
  PolicyEnforcedException,
  RequestTimeoutException,
  ResourceNotFoundException,
  SerializationException,
  ServiceUnavailableException,
  ThrottlingException,
  UnrecognizedClientException,
};

export function serviceError(refusal: Refusal): GlacierServiceError {
  if (refusal.code === "ServiceUnavailableException" && refusal.message === damagedDataMessage) {
    return new DamagedDataError(refusal);
  }
  const known = Object.hasOwn(classes, refusal.code);
  return new (known ? classes[refusal.code as ErrorCode] : GlacierServiceError)(refusal);
}
