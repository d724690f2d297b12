/** A number of archives and their bytes together. */
export interface Work {
  readonly archives: number;
  readonly bytes: number;
}

export const nothing: Work = { archives: 0, bytes: 0 };

export const plus = (one: Work, other: Work): Work => ({
  archives: one.archives + other.archives,
  bytes: one.bytes + other.bytes,
});

export const minus = (one: Work, other: Work): Work => ({
  archives: one.archives - other.archives,
  bytes: one.bytes - other.bytes,
});
