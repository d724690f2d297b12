import type { ByteRange, OperationName, OperationShapes } from "@moraine/protocol";
import type { JobOutput } from "./job-output.ts";
import type { UploadBody } from "./upload-body.ts";

/** `createVault` of CreateVault. */
export type MethodName = Uncapitalize<OperationName>;

/** What an operation is told: AWS's members under AWS's names, as the protocol has them, made easier to give. */
export type OperationInput<Name extends OperationName> = Named<Name, OperationShapes[Name]["input"]> & BodyOf<Name>;

/** What an operation answers. A member that the service sends as null is null, never absent. */
export type OperationOutput<Name extends OperationName> = Name extends "GetJobOutput"
  ? JobOutput
  : OperationShapes[Name]["output"];

export interface CallOptions {
  /** Ends the call at once, in whatever it is doing; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How long temporary failures are retried, from the first one on, in the place of `attemptsMax`. The client's own option of this
   * name takes precedence. Applies once the service has responded to this client, so that a wrong endpoint is reported soon.
   */
  readonly retryForMilliseconds?: number | undefined;
  /** Called before the pause that precedes each further attempt; it must not throw. */
  readonly onRetry?: ((retry: Retry) => void) | undefined;
  /** Called with the headers of the response, for those that no output has; null where one was not sent. */
  readonly onHead?: ((header: (name: string) => string | null) => void) | undefined;
  /**
   * Sent as `amz-sdk-invocation-id`, by which a Moraine server recognises a repeated `uploadArchive` for a day: 8 to 128 letters,
   * digits, `-` and `_`. Use it again to repeat a call after a restart. @default a new one for each call
   */
  readonly invocationId?: string | undefined;
}

/** A temporary failure, after which the same request is sent again. */
export interface Retry {
  /** As AWS spells it: `DescribeVault`. */
  readonly operation: string;
  /** Attempts so far. */
  readonly attempts: number;
  readonly error: Error;
  readonly pauseMilliseconds: number;
}

type Named<Name extends OperationName, Shape> = {
  readonly [Member in keyof Shape as Extract<Member, Needed<Name>>]-?: Exclude<Given<Member, Shape[Member]>, undefined>;
} & {
  readonly [Member in keyof Shape as Exclude<Member, Needed<Name> | "accountId">]: Given<Member, Shape[Member]>;
} & {
  /** Twelve digits, where a vault is another account's. @default the client's, which is `-`: the caller's own */
  readonly accountId?: string | undefined;
};

/** Texts on the wire that are something else in a program; the client writes them as the service wants them. */
type Given<Member, Value> = Member extends "partSize" | "archiveSize"
  ? Value | number
  : Member extends "range"
    ? ByteRange | undefined
    : Member extends "completed"
      ? boolean | undefined
      : Value | (undefined extends Value ? undefined : never);

/** What the protocol leaves open, for the service to miss it with the right error, a caller has to say. */
interface NeededMembers {
  readonly InitiateMultipartUpload: "partSize";
  readonly UploadMultipartPart: "range";
  readonly CompleteMultipartUpload: "archiveSize" | "checksum";
  readonly InitiateJob: "jobParameters";
  readonly SetVaultNotifications: "vaultNotificationConfig";
  readonly SetVaultAccessPolicy: "policy";
  readonly InitiateVaultLock: "policy";
  readonly AddTagsToVault: "Tags";
  readonly RemoveTagsFromVault: "TagKeys";
  readonly SetDataRetrievalPolicy: "Policy";
}

type Needed<Name extends OperationName> = Name extends keyof NeededMembers ? NeededMembers[Name] : never;

type BodyOf<Name extends OperationName> = Name extends "UploadArchive" | "UploadMultipartPart"
  ? { readonly body: UploadBody }
  : unknown;
