import assert from "node:assert/strict";
import { test } from "node:test";
import { errorBody, errorStatus, errors, GlacierError } from "@moraine/protocol";

/** The table of the developer guide, with the codes that AWS services share. */
const expected: [code: string, status: number, type: string][] = [
  ["AccessDeniedException", 403, "Client"],
  ["BadRequest", 400, "Client"],
  ["ExpiredTokenException", 403, "Client"],
  ["InsufficientCapacityException", 503, "Server"],
  ["InvalidParameterValueException", 400, "Client"],
  ["InvalidSignatureException", 403, "Client"],
  ["LimitExceededException", 400, "Client"],
  ["MissingAuthenticationTokenException", 400, "Client"],
  ["MissingParameterValueException", 400, "Client"],
  ["NoLongerSupportedException", 400, "Client"],
  ["PolicyEnforcedException", 400, "Client"],
  ["RequestTimeoutException", 408, "Client"],
  ["ResourceNotFoundException", 404, "Client"],
  ["SerializationException", 400, "Client"],
  ["ServiceUnavailableException", 500, "Server"],
  ["ThrottlingException", 400, "Client"],
  ["UnrecognizedClientException", 400, "Client"],
  ["IncompleteSignatureException", 400, "Client"],
];

test("the list of codes is closed", () => {
  assert.deepEqual(new Set(Object.keys(errorStatus)), new Set(expected.map(([code]) => code)));
});

for (const [code, status, type] of expected) {
  test(`${code} is a ${type} error with status ${status}`, () => {
    const error = new GlacierError(code as keyof typeof errorStatus, "why");
    assert.equal(error.status, status);
    assert.deepEqual(errorBody(error), { code, message: "why", type });
  });
}

test("an error's body has exactly three lowercase fields, code first", () => {
  const arn = "arn:aws:glacier:us-east-1:012345678901:vaults/examplevault";
  assert.equal(
    JSON.stringify(errorBody(errors.vaultNotFound(arn))),
    `{"code":"ResourceNotFoundException","message":"Vault not found for ARN: ${arn}","type":"Client"}`,
  );
});

test("a Glacier error is an error, and keeps its cause to itself", () => {
  const cause = new Error("disk full");
  const error = errors.serialization("The request body ends too soon", { cause });
  assert.ok(error instanceof Error && error instanceof GlacierError);
  assert.equal(error.name, "GlacierError");
  assert.equal(error.cause, cause);
  assert.deepEqual(Object.keys(errorBody(error)), ["code", "message", "type"]);
});

const arn = "arn:aws:glacier:us-east-1:012345678901:vaults/v";
const texts: [error: GlacierError, code: keyof typeof errorStatus, message: string][] = [
  [errors.jobNotFound("j"), "ResourceNotFoundException", "The job ID was not found: j"],
  [errors.archiveNotFound("-a"), "ResourceNotFoundException", "The archive ID was not found: -a"],
  [errors.uploadNotFound("u"), "ResourceNotFoundException", "The upload ID was not found: u"],
  [errors.accessPolicyNotFound("v"), "ResourceNotFoundException", "No vault access policy is set for: v"],
  [errors.lockPolicyNotFound("v"), "ResourceNotFoundException", "No vault lock policy is set for: v"],
  [errors.notificationsNotFound("v"), "ResourceNotFoundException", "No notification configuration is set for vault: v"],
  [errors.inventoryNotFound(arn), "ResourceNotFoundException", `No inventory is available yet for vault: ${arn}`],
  [errors.missingParameter("API version"), "MissingParameterValueException", "Required parameter missing: API version"],
  [errors.invalidParameter("Wrong."), "InvalidParameterValueException", "Wrong."],
  [errors.invalidVaultName(arn), "InvalidParameterValueException", `Invalid vault name: ${arn}`],
  [errors.invalidLimit("0"), "InvalidParameterValueException", "Invalid limit: 0"],
  [errors.invalidMarker("?"), "InvalidParameterValueException", "Invalid marker: ?"],
  [errors.vaultNotEmpty(arn), "InvalidParameterValueException", `Vault not empty or recently written to: ${arn}`],
  [errors.jobNotReady("j"), "InvalidParameterValueException", "The job is not currently available for download: j"],
  [errors.jobStatusInvalid("finished"), "InvalidParameterValueException", "The job status code is not valid: finished"],
  [
    errors.rangeStartTooLarge("bytes=8388608-12582911"),
    "InvalidParameterValueException",
    "The start of the range is larger than size of retrieved data: bytes=8388608-12582911",
  ],
  [
    errors.contentRangeMismatch("bytes 0-4194303/*", 3146447),
    "InvalidParameterValueException",
    "Content-Range: bytes 0-4194303/* is incompatible with Content-Length: 3146447",
  ],
  [
    errors.invalidPartSize("0"),
    "InvalidParameterValueException",
    "Invalid part size: 0. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes.",
  ],
  [
    errors.invalidPartSize(null),
    "InvalidParameterValueException",
    "Invalid part size: null. Part size must not be null, must be a power of two and be between 1048576 and 4294967296 bytes.",
  ],
  [
    errors.tooManyParts(10001),
    "InvalidParameterValueException",
    "This is part number 10001 for the current multipart upload. It exceeds the limit of 10000 parts.",
  ],
  [errors.invalidTreeHash("000"), "InvalidParameterValueException", "Invalid x-amz-sha256-tree-hash: 000"],
  [
    errors.checksumMismatch("e0", "c"),
    "InvalidParameterValueException",
    `Checksum mismatch: expected ${"0".repeat(62)}e0, computed c`,
  ],
  [errors.badRequest("No."), "BadRequest", "No."],
  [errors.serialization("No JSON."), "SerializationException", "No JSON."],
  [errors.limitExceeded("Full."), "LimitExceededException", "Full."],
  [errors.policyEnforced(), "PolicyEnforcedException", "InitiateJob request denied by current data retrieval policy."],
  [errors.requestTimeout(), "RequestTimeoutException", "Request timed out."],
  [errors.throttled(), "ThrottlingException", "Rate exceeded"],
  [
    errors.noLongerSupported(),
    "NoLongerSupportedException",
    "This API is no longer supported for new accounts. Please use Amazon S3 Glacier storage classes instead.",
  ],
  [errors.accessDenied("No."), "AccessDeniedException", "No."],
  [errors.accessDeniedAccount("1"), "AccessDeniedException", "Access denied for account ID: 1"],
  [errors.missingAuthenticationToken(), "MissingAuthenticationTokenException", "Missing Authentication Token"],
  [
    errors.unrecognizedClient(),
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
  ],
  [errors.expiredToken(), "ExpiredTokenException", "The security token included in the request is expired"],
  [
    errors.signatureMismatch(),
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
  ],
  [
    errors.bodyHashMismatch("aa", "bb"),
    "InvalidSignatureException",
    "The value passed in as x-amz-content-sha256 does not match the computed payload hash. Computed digest: aa expected hash: bb",
  ],
];

for (const [error, code, message] of texts) {
  test(`the service says: ${message.slice(0, 60)}`, () => {
    assert.equal(error.code, code);
    assert.equal(error.message, message);
  });
}
