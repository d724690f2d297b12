import type { Instant } from "./time/instant.ts";

/** This process, among those that may use the same store. */
export interface Node {
  /** Whether there may be others: what they change must be seen here, and what they held is taken over when they die. */
  readonly isShared: boolean;
  /** Whether this process does what one of them has to do. It changes as others come and go. */
  hasDuties(): boolean;
  /** All of them, the one that has run longest first; none where there can be no others. */
  list(): Promise<readonly RunningNode[]>;
}

/** A process as the others see it. Those that ended in order are not among them. */
export interface RunningNode {
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly startedAt: Instant;
  readonly seenAt: Instant;
  readonly unseenMilliseconds: number;
  readonly isAlive: boolean;
  readonly hasDuties: boolean;
  /** When it was last seen. */
  readonly requestsInProgress: number;
}

export const onlyNode: Node = { isShared: false, hasDuties: () => true, list: async () => [] };
