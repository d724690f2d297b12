import { type AdminClient, type AdminClientOptions, buildAdminClient } from "./admin-client.ts";
import { buildClient, type ClientOptions } from "./client.ts";
import type { GlacierClient } from "./glacier-client.ts";
import { webPlatform } from "./platform.ts";

export type { AdminClient, AdminClientOptions, AdminInput } from "./admin-client.ts";
export type { ClientOptions } from "./client.ts";
export {
  AccessDeniedException,
  BadRequest,
  DamagedDataError,
  ExpiredTokenException,
  GlacierConnectionError,
  GlacierServiceError,
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
  UnexpectedResponseError,
  UnrecognizedClientException,
} from "./errors.ts";
export type { GlacierClient } from "./glacier-client.ts";
export type { CredentialProvider, Credentials } from "./http/credentials.ts";
export { awsEndpoint } from "./http/endpoints.ts";
export type { ReplayableBody, UploadBody } from "./http/upload-body.ts";
export type { JobOutput } from "./job-output.ts";
export type { DataRetrievalRuleInput, JobParameters } from "./natural-inputs.ts";
export type { CallOptions, MethodName, OperationInput, OperationOutput, Retry } from "./operation-types.ts";
export { everyItem, everyPage, type ListedItem, type PagedMethod } from "./paginate.ts";
export { TreeHash } from "./tree-hash.ts";

/**
 * Creates a client of a vault API, AWS's or a Moraine server's, for Node and for browsers. In Node, `@moraine/client/node` finds region and
 * credentials by itself, and hashes faster. Throws a TypeError for an endpoint that cannot be used.
 */
export function createClient(options: ClientOptions): GlacierClient {
  return buildClient(options, webPlatform);
}

/** Creates a client of the admin API of Moraine's servers. Throws a TypeError for an endpoint that cannot be used. */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  return buildAdminClient(options, webPlatform);
}
