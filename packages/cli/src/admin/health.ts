import type { StorageDescription } from "@moraine/protocol";
import { Command } from "commander";
import type { AdminContext } from "../context/tools.ts";
import { listing } from "../terminal/table.ts";

export function healthCommand({ call, printResult }: AdminContext): Command {
  return new Command("health")
    .description("Show whether the server is ready, and how much it stores; only for the operator's own account")
    .addHelpText("after", "\nExample:\n  moraine admin health --json")
    .action(async () => {
      const health = await call("GetHealth", {});
      printResult(health, () =>
        [
          listing({
            ready: health.Ready ? "yes" : `no: ${health.Reason}`,
            "free bytes": health.Storage.FreeBytes ?? "unknown",
            "deleted bytes": describeDeleted(health.Storage),
            version: health.Version,
            region: health.Region,
            profile: health.Profile,
            clock: health.Clock,
            "up for": `${health.UptimeSeconds} s`,
            accounts: health.Accounts,
            users: health.Users,
            vaults: health.Vaults,
          }),
          ...health.Warnings.map((warning) => `WARNING: ${warning}`),
        ].join("\n"),
      );
    });
}

function describeDeleted({ DeletedBytes, DeletedBytesFreeFrom, DeletedBytesFreeBy }: StorageDescription): string {
  return DeletedBytesFreeFrom === null
    ? String(DeletedBytes)
    : `${DeletedBytes}, freed between ${DeletedBytesFreeFrom} and ${DeletedBytesFreeBy}`;
}
