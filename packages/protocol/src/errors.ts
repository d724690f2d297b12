/** Every code the API knows and its HTTP status; after the developer guide, where it and the service model differ. */
export const errorStatus = {
  AccessDeniedException: 403,
  BadRequest: 400,
  ExpiredTokenException: 403,
  IncompleteSignatureException: 400,
  InsufficientCapacityException: 503,
  InvalidParameterValueException: 400,
  InvalidSignatureException: 403,
  LimitExceededException: 400,
  MissingAuthenticationTokenException: 400,
  MissingParameterValueException: 400,
  NoLongerSupportedException: 400,
  PolicyEnforcedException: 400,
  RequestTimeoutException: 408,
  ResourceNotFoundException: 404,
  SerializationException: 400,
  ServiceUnavailableException: 500,
  ThrottlingException: 400,
  UnrecognizedClientException: 400,
} as const;

export type ErrorCode = keyof typeof errorStatus;

/** A failure that is reported to the caller in Glacier's words: code and message are in the body of the response. */
export class GlacierError extends Error {
  override readonly name = "GlacierError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get status(): number {
    return errorStatus[this.code];
  }

  /** The side that caused the error; clients retry after a Server's. */
  get type(): "Client" | "Server" {
    return this.status < 500 ? "Client" : "Server";
  }
}

/**
 * Refuses a request since there is too much to do now, whatever it asks for. Nothing was done. Its status is that of HTTP for this case, unlike
 * other failures with its code.
 */
export class OverloadError extends GlacierError {
  /** For the header `Retry-After`. */
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds = 1) {
    super("ServiceUnavailableException", message);
    this.retryAfterSeconds = retryAfterSeconds;
  }

  override get status(): number {
    return 503;
  }
}

/** The JSON body of an error response: exactly these three fields, lowercase unlike all other bodies. */
export function errorBody(error: GlacierError): { code: ErrorCode; message: string; type: "Client" | "Server" } {
  return { code: error.code, message: error.message, type: error.type };
}

/** The errors with a fixed text, worded as the service words them. Arguments are echoed as the client sent them. */
export const errors = {
  vaultNotFound: (arn: string) => notFound(`Vault not found for ARN: ${arn}`),
  jobNotFound: (id: string) => notFound(`The job ID was not found: ${id}`),
  archiveNotFound: (id: string) => notFound(`The archive ID was not found: ${id}`),
  uploadNotFound: (id: string) => notFound(`The upload ID was not found: ${id}`),
  /** By the vault's name: this text has no ARN. */
  accessPolicyNotFound: (vaultName: string) => notFound(`No vault access policy is set for: ${vaultName}`),
  lockPolicyNotFound: (vaultName: string) => notFound(`No vault lock policy is set for: ${vaultName}`),
  notificationsNotFound: (vaultName: string) =>
    notFound(`No notification configuration is set for vault: ${vaultName}`),
  inventoryNotFound: (arn: string) => notFound(`No inventory is available yet for vault: ${arn}`),

  /** The name in words, as in "API version" or "type"; not the header's. */
  missingParameter: (name: string) =>
    new GlacierError("MissingParameterValueException", `Required parameter missing: ${name}`),
  invalidParameter: (message: string) => invalid(message),
  /** The value of CreateVault's path, or the ARN of a vault that does not hold the archive. */
  invalidVaultName: (nameOrArn: string) => invalid(`Invalid vault name: ${nameOrArn}`),
  invalidLimit: (value: string) => invalid(`Invalid limit: ${value}`),
  invalidMarker: (value: string) => invalid(`Invalid marker: ${value}`),
  vaultNotEmpty: (arn: string) => invalid(`Vault not empty or recently written to: ${arn}`),
  invalidLockId: (lockId: string) => invalid(`The vault lock ID is invalid: ${lockId}`),
  /** The reason is for the log: AWS does not tell it. */
  invalidAccessPolicy: (options?: ErrorOptions) =>
    invalid("The specified vault access policy is invalid. Provide a valid policy.", options),
  invalidLockPolicy: (options?: ErrorOptions) =>
    invalid("The specified vault lock policy is invalid. Provide a valid policy.", options),
  jobNotReady: (id: string) => invalid(`The job is not currently available for download: ${id}`),
  jobStatusInvalid: (value: string) => invalid(`The job status code is not valid: ${value}`),
  /** The header's whole value, unit included. */
  rangeStartTooLarge: (header: string) =>
    invalid(`The start of the range is larger than size of retrieved data: ${header}`),
  invalidRetrievalByteRange: (value: string) => invalid(`Invalid retrieval byte range: ${value}`),
  invalidContentRange: (header: string) => invalid(`Invalid Content-Range: ${header}`),
  contentRangeMismatch: (header: string, lengthBytes: number) =>
    invalid(`Content-Range: ${header} is incompatible with Content-Length: ${lengthBytes}`),
  /** `null` for a header that was not sent. */
  invalidPartSize: (value: string | null) =>
    invalid(
      `Invalid part size: ${value}. Part size must not be null, must be a power of two and be between ` +
        "1048576 and 4294967296 bytes.",
    ),
  tooManyParts: (partNumber: number) =>
    invalid(`This is part number ${partNumber} for the current multipart upload. It exceeds the limit of 10000 parts.`),
  invalidTreeHash: (header: string) => invalid(`Invalid x-amz-sha256-tree-hash: ${header}`),
  /** A short header value is shown with the zeros that the service puts before it. */
  checksumMismatch: (expected: string, computed: string) =>
    invalid(`Checksum mismatch: expected ${expected.padStart(64, "0")}, computed ${computed}`),

  badRequest: (message: string) => new GlacierError("BadRequest", message),
  serialization: (message: string, options?: ErrorOptions) =>
    new GlacierError("SerializationException", message, options),
  limitExceeded: (message: string) => new GlacierError("LimitExceededException", message),
  policyEnforced: () =>
    new GlacierError("PolicyEnforcedException", "InitiateJob request denied by current data retrieval policy."),
  /** For an Expedited retrieval; the other tiers always find room. */
  insufficientCapacity: () =>
    new GlacierError(
      "InsufficientCapacityException",
      "There is insufficient capacity to process this expedited request. Try again later, or use another tier.",
    ),
  requestTimeout: () => new GlacierError("RequestTimeoutException", "Request timed out."),
  throttled: () => new GlacierError("ThrottlingException", "Rate exceeded"),
  noLongerSupported: () =>
    new GlacierError(
      "NoLongerSupportedException",
      "This API is no longer supported for new accounts. Please use Amazon S3 Glacier storage classes instead.",
    ),
  overloaded: (message: string) => new OverloadError(message),
  unavailable: (message: string) => new GlacierError("ServiceUnavailableException", message),

  accessDenied: (message: string) => new GlacierError("AccessDeniedException", message),
  /** The lock's state forbids it, whoever asks. */
  lockStateDenied: (state: string, vaultName: string) =>
    new GlacierError("AccessDeniedException", `The vault lock is in the ${state} state: ${vaultName}`),
  accessDeniedAccount: (id: string) => new GlacierError("AccessDeniedException", `Access denied for account ID: ${id}`),
  missingAuthenticationToken: () =>
    new GlacierError("MissingAuthenticationTokenException", "Missing Authentication Token"),
  incompleteSignature: (message: string) => new GlacierError("IncompleteSignatureException", message),
  unrecognizedClient: () =>
    new GlacierError("UnrecognizedClientException", "The security token included in the request is invalid."),
  expiredToken: () =>
    new GlacierError("ExpiredTokenException", "The security token included in the request is expired"),
  invalidSignature: (message: string) => new GlacierError("InvalidSignatureException", message),
  /** Refuses a request that changes something and came before. */
  signatureUsed: () =>
    new GlacierError(
      "InvalidSignatureException",
      "Signature already used: a request that changes something is accepted once. Sign the request again, with another " +
        "time or another amz-sdk-invocation-id.",
    ),
  /** `details` is the optional dump of what the service would have signed. */
  signatureMismatch: (details = "") =>
    new GlacierError(
      "InvalidSignatureException",
      "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access " +
        `Key and signing method. Consult the service documentation for details.${details}`,
    ),
  bodyHashMismatch: (computed: string, expected: string) =>
    new GlacierError(
      "InvalidSignatureException",
      "The value passed in as x-amz-content-sha256 does not match the computed payload hash. " +
        `Computed digest: ${computed} expected hash: ${expected}`,
    ),
} as const;

function notFound(message: string): GlacierError {
  return new GlacierError("ResourceNotFoundException", message);
}

function invalid(message: string, options?: ErrorOptions): GlacierError {
  return new GlacierError("InvalidParameterValueException", message, options);
}
