// A history: the calls that clients made, and the outcomes that they saw. Its words are those of the API. Archives, uploads, jobs,
// locks and policies are called by names that the client chose, since a call without a response has no id.

interface InVault {
  readonly vault: string;
}
/** An archive, or the upload that makes it. The name travels as the description and is never used twice. */
interface OfArchive extends InVault {
  readonly archive: string;
}
interface OfJob extends InVault {
  readonly job: string;
}
interface OfKey extends InVault {
  readonly key: string;
}
interface OfLock extends InVault {
  readonly lock: string;
}

/** Content as the client computed it, before it was sent. */
export interface Content {
  readonly sizeBytes: number;
  readonly treeHash: string;
}
interface Sent extends Content {
  /** `contentOf(seed, sizeBytes)` makes the bytes again. */
  readonly seed: number;
}
export interface Part extends Content {
  readonly firstByte: number;
}

/** A policy that denies these operations to everybody, always or while the vault has the tag. */
export interface Denial {
  readonly denies: readonly ("DeleteArchive" | "DeleteVault")[];
  readonly whileTag?: { readonly key: string; readonly value: string };
}

export type Tags = Readonly<Record<string, string>>;

export type Call =
  | ({ readonly op: "CreateVault" } & InVault)
  | ({ readonly op: "DeleteVault" } & InVault)
  | ({ readonly op: "DescribeVault" } & InVault)
  | { readonly op: "ListVaults" }
  /** A client that is slow sends half of the body, and the other half later. */
  | ({ readonly op: "UploadArchive"; readonly pauseMilliseconds?: number } & OfArchive & Sent)
  | ({ readonly op: "DeleteArchive" } & OfArchive)
  /** An inventory job and its output. */
  | ({ readonly op: "ListArchives" } & InVault)
  /** A retrieval job and its output. */
  | ({ readonly op: "ReadArchive" } & OfArchive)
  | ({ readonly op: "InitiateMultipartUpload"; readonly partSizeBytes: number } & OfArchive)
  | ({ readonly op: "UploadMultipartPart"; readonly firstByte: number } & OfArchive & Sent)
  | ({ readonly op: "CompleteMultipartUpload" } & OfArchive & Content)
  | ({ readonly op: "AbortMultipartUpload" } & OfArchive)
  | ({ readonly op: "ListParts" } & OfArchive)
  | ({ readonly op: "ListMultipartUploads" } & InVault)
  | ({ readonly op: "InitiateJob" } & OfArchive & OfJob)
  | ({ readonly op: "DescribeJob" } & OfJob)
  | ({ readonly op: "GetJobOutput" } & OfJob)
  | ({ readonly op: "AddTagsToVault"; readonly tags: Tags } & InVault)
  | ({ readonly op: "RemoveTagsFromVault"; readonly keys: readonly string[] } & InVault)
  | ({ readonly op: "ListTagsForVault" } & InVault)
  | ({ readonly op: "SetVaultAccessPolicy"; readonly policy: string } & InVault & Denial)
  | ({ readonly op: "DeleteVaultAccessPolicy" } & InVault)
  | ({ readonly op: "GetVaultAccessPolicy" } & InVault)
  | ({ readonly op: "InitiateVaultLock" } & OfLock & Denial)
  | ({ readonly op: "CompleteVaultLock" } & OfLock)
  | ({ readonly op: "AbortVaultLock" } & InVault)
  | ({ readonly op: "GetVaultLock" } & InVault)
  | ({ readonly op: "SetVaultNotifications"; readonly topic: string } & InVault)
  | ({ readonly op: "GetVaultNotifications" } & InVault)
  | ({ readonly op: "CreateAccessKey" } & OfKey)
  | ({ readonly op: "DeleteAccessKey" } & OfKey)
  /** Asks for the vault with a request that the key has signed. */
  | ({ readonly op: "UseAccessKey" } & OfKey)
  /** Runs `moraine backup` next to the server. */
  | { readonly op: "BackUp" }
  /** Moves the manual clock of the server. */
  | { readonly op: "AdvanceClock"; readonly seconds: number };

export interface ListedArchive extends Content {
  readonly name: string;
  readonly id: string;
}

/** The fields of a response that the model compares; each operation has its own few. */
export interface Answer {
  readonly archiveId?: string;
  readonly sizeBytes?: number;
  readonly treeHash?: string;
  readonly vaults?: readonly string[];
  readonly archives?: readonly ListedArchive[];
  /** The archives' names. */
  readonly uploads?: readonly string[];
  readonly parts?: readonly Part[];
  readonly tags?: Tags;
  readonly policy?: string;
  readonly lock?: string;
  readonly topic?: string;
  /** The job's id, as messages about it have it. */
  readonly jobId?: string;
  /** State of a job (InProgress, Succeeded, Failed) or of a lock (InProgress, Locked). */
  readonly state?: string;
}

/** The code of a retrieval or an inventory whose job has failed: the responses to all its calls are successes. */
export const jobFailed = "JobFailed";

export type Outcome =
  | { readonly kind: "ok"; readonly answer: Answer }
  /** The service said that nothing was changed. */
  | { readonly kind: "refused"; readonly code: string }
  /** The connection died, timed out, or the response was 5xx: the change was made, will be made, or never is. */
  | { readonly kind: "unknown"; readonly reason: string };

/** A line of a history. Lines are in the order of time. */
export type Entry =
  | { readonly begin: number; readonly call: Call }
  | { readonly end: number; readonly outcome: Outcome }
  /** The server was stopped or killed: calls without an outcome were carried out before this, or never. */
  | { readonly event: "restart" }
  /** From here on no call changes anything: the rest is the final observation. */
  | { readonly event: "observe" };

export type History = readonly Entry[];
