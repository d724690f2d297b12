import { attempt } from "./attempt.ts";
import type { S3Connection } from "./s3-connection.ts";
import { isMissing, isNotImplemented, isNoUpload, isUnknownArgument } from "./s3-errors.ts";

/** Makes calls of a bucket, in the form that its store knows. */
export class S3Calls {
  readonly s3: S3Connection;
  /** Whether the store knows the condition that no such object exists; some ignore it without saying so. */
  knowsConditions = true;
  /** Whether the store knows the SHA-256 of an object as a header of its own. */
  knowsSha256 = true;

  constructor(s3: S3Connection) {
    this.s3 = s3;
  }

  shown(key: string): string {
    return `${this.s3.url.name.replace(/\/$/, "")}/${key}`;
  }

  /** Calls, and repeats what fails temporarily. Rejects with the errors of a target. */
  call<Result>(key: string, signal: AbortSignal, call: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    return attempt(this.shown(key), signal, call);
  }

  /** Sends a request, and again without the headers that the store does not know. */
  async orSimpler<Result>(send: () => Promise<Result>): Promise<Result> {
    try {
      return await send();
    } catch (error) {
      if (this.knowsConditions && isNotImplemented(error)) {
        this.knowsConditions = false;
      } else if (this.knowsSha256 && (isNotImplemented(error) || isUnknownArgument(error))) {
        this.knowsSha256 = false;
      } else {
        throw error;
      }
      return this.orSimpler(send);
    }
  }
}

export function nullIfMissing(error: unknown): null {
  if (isMissing(error)) {
    return null;
  }
  throw error;
}

export function nullIfNoUpload(error: unknown): null {
  if (isNoUpload(error)) {
    return null;
  }
  throw error;
}
