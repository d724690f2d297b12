/** Codes of actions with the consequence for an operator. A code is never renamed: scripts read them. */
export const consequences = {
  "database-rebuilt":
    "keys, users, policies, tags, locks, jobs, unfinished uploads and the audit trail are lost; archives that were deleted within the last day come back",
  "vault-rebuilt":
    "its lock, if it had one, is lost: an access policy denies every deletion until somebody who may do so removes that policy",
  "vault-counted": "its archives can be listed, stored and deleted again",
  "archive-linked": "it can be retrieved again",
  "file-quarantined": "look at it, and remove it when it is not needed",
  "segment-returned":
    "it can be read again; nothing is removed, and a bad file that was in its place is in the quarantine",
  "segment-sound": "it is read again",
  "history-adopted": "what was acknowledged after the database's last change, and has no segment, is lost",
  "segment-damaged": "restore the file from a backup; its other archives are not affected",
  "orphan-removed":
    "a server removes the object within minutes of its next sweep; its bytes are lost, unless the bucket keeps versions",
  "orphan-undecided":
    "it stays: compare with your own records, and restore a newer database if it is an archive of yours",
  undecided: "compare with your own records",
} as const satisfies Readonly<Record<string, string>>;

export type ActionCode = keyof typeof consequences;

/** Actions that repair nothing: they name what an operator has to look at. */
export const unrepaired: ReadonlySet<ActionCode> = new Set(["segment-damaged", "orphan-undecided", "undecided"]);

/** Something that was done, or would be with `--apply`, and the things that it concerns. */
export interface Action {
  readonly code: ActionCode;
  readonly message: string;
  /** ARN. */
  readonly vault?: string | undefined;
  readonly archive?: string | undefined;
  /** Key of an object, below the prefix. */
  readonly object?: string | undefined;
  /** Path within the data folder. */
  readonly file?: string | undefined;
}
