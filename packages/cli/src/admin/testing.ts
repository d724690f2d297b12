import type { RequestCount } from "@moraine/protocol";
import { Command } from "commander";
import type { AdminContext } from "../context/tools.ts";
import { table } from "../terminal/table.ts";

const columns = { OPERATION: "operation", REQUESTS: "requests", RESPONSES: "responses" } as const;

export function requestsCommand({ call, printResult }: AdminContext): Command {
  return new Command("requests")
    .description("Show the number of requests for each operation of the vault API since the start or the last reset")
    .addHelpText("after", "\nExample:\n  moraine admin requests --json")
    .action(async () => {
      const answer = await call("ListRequestCounts", {});
      printResult(answer, () => table(columns, answer.RequestCounts.map(rowOf)));
    });
}

const rowOf = ({ Operation, Requests, Responses }: RequestCount) => ({
  operation: Operation,
  requests: Requests,
  responses: Object.entries(Responses)
    .map(([status, count]) => `${count} × ${status}`)
    .join(", "),
});

export function resetCommand({ call, printResult }: AdminContext): Command {
  return new Command("reset")
    .description(
      "Remove all vaults, users, policies and accounts of a server for tests, which runs with --allow-faults; only the root's keys, " +
        "the clock's time and the audit trail stay",
    )
    .addHelpText("after", "\nExample:\n  moraine admin reset")
    .action(async () => {
      printResult(await call("ResetService", {}), () => "The service is as it was after its first start.");
    });
}
