/** Codes of findings with what an operator does about each. A code is never renamed: scripts read them. */
export const advice = {
  "database-damaged": "stop the server, copy the folder, and restore the database from a backup",
  "database-unreadable": "stop the server, copy the folder, and restore the database from a backup",
  "log-damaged": "copy the folder, and restore the database from a backup",
  "log-lost": "copy the folder, and restore the database from a backup",
  "history-broken": "restore history.json with its database; docs/storage-format.md says what a start without it does",
  "row-damaged": "stop the server, copy the folder, and restore the database from a backup",
  "row-changed": "find out who changed the database, and restore it from a backup",
  "vault-counters": "list the vault's inventory and compare it with your own records",
  "archive-vault": "restore the database from a backup",
  "archive-coverage": "restore the database, or its missing segments, from a backup",
  "archive-tree-hash": "restore the database from a backup",
  "archive-lost": "restore the database from a backup, or upload the archive again",
  "segment-missing": "restore the file from a backup",
  "segment-file": "restore the file from a backup",
  "segment-state": "restore the database from a backup",
  "segment-suspect": "restore the file from a backup, then read the archive again",
  "mirror-missing": "run the server with --mirror: it copies what is missing while it reads everything back",
  "mirror-segment": "run the server with --mirror: it replaces the bad copy by the sound one of the data folder",
  "file-unknown": "keep it until you know whose it is: the end of the file names its archive",
  "object-orphan": "run moraine repair --orphans: it says whether the object can be removed",
  "object-missing": "restore the object, under its name, from the bucket's versions or its copy",
  "object-foreign": "find out whose it is: no server reads or removes it",
  "upload-parts": "abort the upload and start over",
  "job-output": "start another job",
  "job-state": "start another job",
  "job-counts": "restore the database from a backup",
  "lock-unrecorded": "compare the vault's lock with your own records: somebody may have changed the database",
  "lock-lost": "compare the vault's lock with your own records: somebody may have changed the database",
  "lock-violated":
    "the audit trail says whose key it was: find out how the deletion was possible, and compare the lock with your own records",
  "audit-chain": "compare with signed anchors: moraine admin audit --verify --anchor FILE",
  "trusted-time": "restore the database from a backup",
  secrets: "restore secrets.key from a backup",
  leftover: "restart the server, which empties tmp/",
} as const satisfies Readonly<Record<string, string>>;

export type FindingCode = keyof typeof advice;

/** The same, for segments that are objects of a bucket. */
const adviceForObjects: Partial<Record<FindingCode, string>> = {
  "segment-missing": advice["object-missing"],
  "segment-file": advice["object-missing"],
  "segment-suspect": `${advice["object-missing"]}, then read the archive again`,
};

/** Says what an operator does about a finding. */
export const adviceFor = ({ code, object }: Pick<Finding, "code" | "object">): string =>
  (object === undefined ? undefined : adviceForObjects[code]) ?? advice[code];

/** Something that is not as it should be, and the things that it concerns. */
export interface Finding {
  readonly code: FindingCode;
  readonly message: string;
  /** ARN. */
  readonly vault?: string | undefined;
  readonly archive?: string | undefined;
  readonly upload?: string | undefined;
  readonly job?: string | undefined;
  /** Key of an object, below the prefix. */
  readonly object?: string | undefined;
  /** Path within the data folder, or within the mirror if the code begins so. */
  readonly file?: string | undefined;
}
