/** A moment: milliseconds since 1970-01-01T00:00:00Z. A plain number, so that it crosses threads and databases as it is. */
export type Instant = number;
