import type { NodeDescription } from "@moraine/protocol";
import type { RunningNode } from "../domain/node.ts";
import type { AdminHandler } from "./context.ts";

export const listNodes: AdminHandler<"ListNodes"> = async ({ node }) => ({ Nodes: (await node.list()).map(describe) });

const describe = (node: RunningNode): NodeDescription => ({
  NodeId: node.id,
  Host: node.host,
  Version: node.version,
  StartDate: new Date(node.startedAt).toISOString(),
  LastSeenDate: new Date(node.seenAt).toISOString(),
  SecondsSinceSeen: node.unseenMilliseconds / 1000,
  Alive: node.isAlive,
  Scrubs: node.hasDuties,
  RequestsInProgress: node.requestsInProgress,
});
