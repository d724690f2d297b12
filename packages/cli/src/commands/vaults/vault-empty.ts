import type { Command } from "commander";
import { seconds, wholeNumber } from "../../arguments/numbers.ts";
import { pricesFlag, pricesFrom, pricesHelp } from "../../arguments/price-file.ts";
import type { CommandContext } from "../../context/tools.ts";
import type { EmptyOptions } from "../../emptying/run-emptying.ts";
import { UsageError } from "../../exit-codes.ts";
import { addYesOption } from "../../terminal/confirm.ts";
import { catalogFlags } from "../catalog/catalog-flags.ts";

type GivenOptions = Omit<EmptyOptions, "prices"> & { readonly prices?: string };

export function addEmpty(vault: Command, tools: CommandContext): void {
  const command = vault
    .command("empty")
    .description("Delete the archives of a vault, and with --delete-vault the vault; shows what would be lost first")
    .argument("<vault>")
    .option(
      "--only-verified <manifest>",
      "delete only archives with a sound copy: MANIFEST.jsonl of a rescue, or the target that has it",
    )
    .option(
      "--target <target>",
      "where its copies are: a folder, s3://bucket/prefix, vault:NAME@ENDPOINT (default: next to it)",
    )
    .option("--trust-manifest", "do not read the copies back before their archives are deleted")
    .option("--delete-vault", "delete the vault when it is empty")
    .option(
      "--wait [duration]",
      "wait until the service deletes the empty vault, e.g. 30h (default: exits 75; without a duration: no limit)",
      seconds,
    )
    .option("--concurrency <number>", "number of deletions at once, up to 256 (default: 16)", wholeNumber)
    .option(
      "--max-per-second <number>",
      "maximum deletions a second (default: as many as the service accepts)",
      wholeNumber,
    )
    .option(pricesFlag, pricesHelp)
    .option(...catalogFlags);
  addYesOption(command)
    .addHelpText("after", details)
    .action(async (vaultName: string, options: GivenOptions) => {
      assertUsable(options);
      const prices = await pricesFrom(tools, options.prices);
      tools.setResumeHint("Run the same command again to resume: what was deleted stays deleted.");
      const { runEmptying } = await import("../../emptying/run-emptying.ts");
      await runEmptying(tools, vaultName, { ...options, prices });
    });
}

const details = `
Deletes the archives of the local catalogue: import an inventory first, with
moraine catalog import. What was uploaded since stays, and is named; so does
what is added to the catalogue while this runs.

Shows counts, what has no verified copy, and what a lock protects. Deletes
nothing unless the name of the vault is typed on the terminal; scripts add
--yes. After an interruption, the same command resumes.

With --only-verified, each copy is read back before its archive is deleted (one
in a vault is looked for in its inventory); an archive whose copy is missing,
changed or cannot be read stays, and the exit code is 4. So it is when
--delete-vault cannot delete the vault because archives stay.
Archives that a lock protects stay, with exit code 5 and the date.

AWS deletes a vault only after an inventory without archives, about a day
later: run the command again then (exit 75), or add --wait.

Examples:
  moraine vault empty photos --dry-run
  moraine vault empty photos --only-verified /backup/photos/MANIFEST.jsonl
  moraine vault empty photos --delete-vault --wait --yes`;

function assertUsable({
  onlyVerified,
  target,
  trustManifest,
  wait,
  deleteVault,
  concurrency = 1,
  maxPerSecond = 1,
}: GivenOptions): void {
  if ((trustManifest || target !== undefined) && onlyVerified === undefined) {
    throw new UsageError(`${trustManifest ? "--trust-manifest" : "--target"} needs --only-verified MANIFEST`);
  }
  if (wait !== undefined && !deleteVault) {
    throw new UsageError("--wait needs --delete-vault: only a vault is waited for");
  }
  if (concurrency < 1 || concurrency > 256) {
    throw new UsageError(`Invalid --concurrency ${concurrency}: expected 1 to 256`);
  }
  if (maxPerSecond < 1) {
    throw new UsageError(`Invalid --max-per-second ${maxPerSecond}: expected 1 or more`);
  }
}
