export type { GlacierClient } from "./client.ts";
export type { JobOutput } from "./job-output.ts";
export type { CallOptions, MethodName, OperationInput, OperationOutput } from "./operation-types.ts";
export type { ReplayableBody, UploadBody } from "./upload-body.ts";
