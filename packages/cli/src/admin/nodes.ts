import type { NodeDescription } from "@moraine/protocol";
import { Command } from "commander";
import type { AdminContext } from "../context/tools.ts";
import { table } from "../terminal/table.ts";

export function nodesCommand({ call, printResult }: AdminContext): Command {
  return new Command("nodes")
    .description("List the servers that share a database; only for the operator's own account")
    .addHelpText(
      "after",
      `
SEEN is when the database last heard of a node, which is every 5 seconds while all is well. One that was not seen for
15 seconds is not alive: others take over its jobs. A node that ended in order is not listed, one that died for a day.

Example:
  moraine admin nodes --json`,
    )
    .action(async () => {
      const { Nodes } = await call("ListNodes", {});
      printResult(Nodes, () =>
        Nodes.length === 0
          ? "This server has a data folder, and so no other nodes."
          : table(columns, Nodes.map(inWords)),
      );
    });
}

const columns = {
  NODE: "NodeId",
  HOST: "Host",
  VERSION: "Version",
  STARTED: "StartDate",
  SEEN: "Seen",
  STATE: "State",
  REQUESTS: "RequestsInProgress",
} as const;

const inWords = (node: NodeDescription) => ({
  ...node,
  Seen: `${Math.round(node.SecondsSinceSeen)} s ago`,
  State: node.Alive ? (node.Scrubs ? "alive, scrubs" : "alive") : "not alive",
});
