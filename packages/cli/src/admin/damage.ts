import type { DamageDescription } from "@moraine/protocol";
import { Command } from "commander";
import { everyPage } from "../context/every-page.ts";
import type { AdminContext } from "../context/tools.ts";
import { table } from "../terminal/table.ts";

export function damagedCommand({ call, printResult }: AdminContext): Command {
  return new Command("damaged")
    .description("List archives whose stored bytes are damaged; only for the operator's own account")
    .addHelpText(
      "after",
      `
Each line is one damaged place. To repair it, restore the file blobs/SEGMENT in the server's data folder from a
backup, and retrieve the archive again: a place that is read without an error leaves the list. Bytes that cannot
be restored are lost; delete the archive to remove it from the list.

Example:
  moraine admin damaged --json`,
    )
    .action(async () => {
      const pages = await everyPage((page) => call("ListDamagedArchives", page));
      const all = pages.flatMap(({ DamagedArchives }) => DamagedArchives);
      printResult(all, () => (all.length === 0 ? "No damage is known." : table(columns, all.map(withOwner))));
    });
}

const columns = {
  FOUND: "FoundDate",
  KIND: "Kind",
  VAULT: "VaultARN",
  ID: "Owner",
  DESCRIPTION: "ArchiveDescription",
  SIZE: "SizeInBytes",
  BYTES: "ByteRange",
  REASON: "Reason",
  SEGMENT: "Segment",
} as const;

const withOwner = (damage: DamageDescription) => ({ ...damage, Owner: damage.ArchiveId ?? damage.JobId });
