/** Where and how the catalogue, the vault and the folder do not agree. */
export const differenceKinds = [
  "missing-in-vault",
  "different-in-vault",
  "unknown-in-vault",
  "invalid-in-inventory",
  "left-out-by-import",
  "missing-in-folder",
  "different-in-folder",
  "older-in-folder",
  "unknown-in-folder",
  "unreadable",
] as const;
export type DifferenceKind = (typeof differenceKinds)[number];

export interface Difference {
  readonly kind: DifferenceKind;
  /** The decoded path; empty for an archive without one, and for what is no archive. */
  readonly path: string;
  /** The newest archive of the path. Null for a file of which the catalogue knows no archive. */
  readonly archiveId: string | null;
  /** The values that differ, or the reason. */
  readonly details: string | null;
}

/** The sentence that is printed for a difference. */
export const differenceWords: Readonly<Record<DifferenceKind, string>> = {
  "missing-in-vault": "missing in the vault",
  "different-in-vault": "different in the vault",
  "unknown-in-vault": "not in the catalogue",
  "invalid-in-inventory": "invalid in the inventory",
  "left-out-by-import": "left out by the import",
  "missing-in-folder": "missing in the folder",
  "different-in-folder": "different in the folder",
  "older-in-folder": "an older version in the folder",
  "unknown-in-folder": "not in the vault",
  unreadable: "cannot be read",
};
