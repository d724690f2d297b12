import { damagedDataMessage, type ErrorCode } from "@moraine/protocol";

/** The facts of an error response. */
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

/** The service responded with an error. A code that this version does not know has this class itself. */
export class GlacierServiceError extends Error {
  /** The exception's name, as in `ResourceNotFoundException`. */
  readonly code: string;
  /** The side that the service blames. */
  readonly type: "Client" | "Server" | "Unknown";
  /** The HTTP status. */
  readonly status: number;
  /** The id by which the service's operators can find the request. */
  readonly requestId: string | null;
  /** The operation's name as AWS spells it, like `DescribeVault`. */
  readonly operation: string;
  /** How often the request was sent in all. */
  readonly attempts: number;
  /** The pause that the service asks for before another request, by its Retry-After header. */
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
/** Thrown for Expedited retrievals only. */
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

/** A response that Glacier would not send: it is from a proxy in between, or from another service. Its code is `UnexpectedResponse`. */
export class UnexpectedResponseError extends GlacierServiceError {}

/** No complete response was received; `cause` says why. Whether the request was carried out is not known. */
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

/** Classes by code. The compiler refuses this table while any code lacks its class. */
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
