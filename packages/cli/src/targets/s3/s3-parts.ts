import type { PartBuffers } from "../parts/part-buffers.ts";
import type { S3Objects } from "./s3-objects.ts";
import type { S3Uploads } from "./s3-uploads.ts";

/** The services that the steps of a copy share. */
export interface S3Parts {
  /** The prefix of all keys; empty, or with a slash at its end. */
  readonly prefix: string;
  readonly objects: S3Objects;
  readonly uploads: S3Uploads;
  readonly buffers: PartBuffers;
  /** A local folder for what resumes uploads. */
  readonly stateFolder: string;
}
