/** This process, among those that may use the same store. */
export interface Node {
  /** Whether there may be others: what they change must be seen here, and what they held is taken over when they die. */
  readonly isShared: boolean;
  /** Whether this process does what one of them has to do. It changes as others come and go. */
  hasDuties(): boolean;
}

export const onlyNode: Node = { isShared: false, hasDuties: () => true };
