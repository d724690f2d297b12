import { Command } from "commander";
import type { CatalogOptions } from "../catalog/opening/catalog-path.ts";
import type { CommandContext } from "../context/tools.ts";
import {
  addPaceOptions,
  addWaitOption,
  type PaceOptions,
  type WaitOptions,
  waitOf,
} from "../transfers/transfer-options.ts";
import { catalogFlags } from "./catalog/catalog-flags.ts";

interface AuditFlags extends CatalogOptions, WaitOptions, PaceOptions {
  readonly inventory?: string;
  readonly start?: true;
  readonly quick?: true;
}

/** Compares a vault's catalogue with the vault, and with a folder. */
export function auditCommand(tools: CommandContext): Command {
  const command = new Command("audit")
    .description("Compare a vault's catalogue with a fresh inventory, and with the files of a folder")
    .argument("<vault>")
    .argument("[file]", "the folder that was sent, or that archives were fetched to")
    .option(
      "--inventory <file>",
      "inventory to compare with, in JSON or CSV; - is standard input (default: the service's)",
    )
    .option("--start", "start an inventory job even if an inventory exists")
    .option("--quick", "compare sizes and times of files, without reading them")
    .option(...catalogFlags);
  return addWaitOption(addPaceOptions(command, "files"))
    .addHelpText("after", details)
    .action(async (vaultName: string, folder: string | undefined, flags: AuditFlags) => {
      const { inventory = null, start = false, quick = false, concurrency = 4, ...others } = flags;
      if (
        tools.reportIfDryRun(
          `compare the catalogue of vault ${vaultName} with its inventory${folder === undefined ? "" : ` and ${folder}`}`,
        )
      ) {
        return;
      }
      const { auditVault } = await import("../sending/audit/audit-vault.ts");
      const options = { folder: folder ?? null, inventory, start, isQuick: quick, concurrency };
      await auditVault(tools, vaultName, { ...others, ...options, ...waitOf(flags) });
    });
}

const details = `
Prints a line for each difference: archives that are missing in the vault, not
in the catalogue, or of another size or tree hash; files that are missing in the
folder, not in the vault, different, or older versions; and entries of the
inventory that were invalid, now or when it was imported. A file that fetch has
given another name is no difference. It changes nothing. A Moraine server
lists the vault as it is now, AWS as of its last inventory; archives that are
newer are no difference.

Exit codes: 0 no differences, 4 differences.

Examples:
  moraine audit photos
  moraine audit photos holiday --quick
  moraine audit photos holiday --start --json | jq -r 'select(.kind).path'`;
