import type { AdminOperation, NoInput } from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const nodeOperations = {
  ListNodes: { method: "GET", path: "/admin/nodes", status: 200, scope: "service", resource: "any", request: "none", response: "json" },
} as const satisfies Record<string, AdminOperation>;

export interface NodeShapes {
  /** The servers that share a database, the one that has run longest first. Empty for a server with a data folder, which has no others. */
  ListNodes: { input: NoInput; output: { readonly Nodes: readonly NodeDescription[] } };
}

export interface NodeDescription {
  /** New with each start. */
  readonly NodeId: string;
  /** The name of its machine. */
  readonly Host: string;
  readonly Version: string;
  readonly StartDate: string;
  /** When the database last heard of it, which is every 5 seconds while all is well. */
  readonly LastSeenDate: string;
  readonly SecondsSinceSeen: number;
  /** Whether it was seen lately. Others take over what one that was not has claimed. */
  readonly Alive: boolean;
  /** Whether it does what one node does for all: the scrub. */
  readonly Scrubs: boolean;
  /** Requests that it was serving when it was last seen. */
  readonly RequestsInProgress: number;
}
