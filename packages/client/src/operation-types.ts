import type { OperationName, OperationNameWith, OperationShapes } from "@moraine/protocol";
import type { UploadBody } from "./http/upload-body.ts";
import type { JobOutput } from "./job-output.ts";
import type { NaturalInputs } from "./natural-inputs.ts";

/** The name of an operation's method, like `createVault` for CreateVault. */
export type MethodName = Uncapitalize<OperationName>;

/** The input of an operation: AWS's fields under AWS's names, some with more convenient types than in the protocol. */
export type OperationInput<Name extends OperationName> = Named<Name, OperationShapes[Name]["input"]> & BodyOf<Name>;

/** The output of an operation. A field that the service sends as null is null, never absent. */
export type OperationOutput<Name extends OperationName> =
  Name extends OperationNameWith<"response", "bytes"> ? JobOutput : OperationShapes[Name]["output"];

export interface CallOptions {
  /** Ends the call at once. It rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long temporary failures are retried, counted from the first one, instead of `attemptsMax`. The client's own option of this name
   * takes precedence. Applies once the service has responded to this client, so that a wrong endpoint is reported soon.
   */
  readonly retryForMilliseconds?: number | undefined;
  /** Called before the pause that precedes each retry; it must not throw. */
  readonly onRetry?: ((retry: Retry) => void) | undefined;
  /** Called with a function that returns a header of the response, for headers that no output has; null if it was not sent. */
  readonly onHead?: ((header: (name: string) => string | null) => void) | undefined;
  /**
   * Sent as `amz-sdk-invocation-id`, by which a Moraine server recognises a repeated `uploadArchive` for a day: 8 to 128 letters,
   * digits, `-` and `_`. Use it again to repeat a call after a restart. @default a new one for each call
   */
  readonly invocationId?: string | undefined;
  /**
   * False never sends the request again while it is not known whether it was carried out: the connection broke, or a proxy responded. For
   * requests that would then be carried out twice. @default true
   */
  readonly isRepeatable?: boolean | undefined;
}

/** A temporary failure, after which the same request is sent again. */
export interface Retry {
  /** The operation's name as AWS spells it, like `DescribeVault`. */
  readonly operation: string;
  /** Attempts so far. */
  readonly attempts: number;
  readonly error: Error;
  readonly pauseMilliseconds: number;
}

type Natural<Name extends OperationName> = Name extends keyof NaturalInputs ? NaturalInputs[Name] : unknown;

/** Maps types without renaming, since only then do fields keep their documentation. */
type Named<Name extends OperationName, Shape> = Pick<Shape, Exclude<keyof Shape, keyof Natural<Name> | "accountId">> &
  Natural<Name> & {
    /** Twelve digits, where a vault is another account's. @default the client's, which is `-`: the caller's own */
    readonly accountId?: string | undefined;
  };

type BodyOf<Name extends OperationName> =
  Name extends OperationNameWith<"request", "bytes">
    ? {
        /** The bytes, or a body that is opened for each attempt. */
        readonly body: UploadBody;
      }
    : unknown;
