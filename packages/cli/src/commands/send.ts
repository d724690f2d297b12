import { Command, Option } from "commander";
import { dateValue } from "../arguments/dates.ts";
import { pricesFlag, pricesFrom, pricesHelp } from "../arguments/price-file.ts";
import { bytesExactly, size } from "../arguments/sizes.ts";
import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { descriptionFormats } from "../names/file-description.ts";
import type { Amount, FileCounts } from "../sending/files-progress.ts";
import type { NamedSources } from "../sending/local/sources.ts";
import type { SendOptions } from "../sending/send-files.ts";
import type { SendPlan } from "../sending/send-plan.ts";
import { addPaceOptions } from "../transfers/transfer-options.ts";
import { catalogFlags } from "./catalog/catalog-flags.ts";

interface SendFlags extends SendOptions {
  readonly filesFrom?: string;
  readonly base?: string;
  readonly prices?: string;
}

/** Sends many files to a vault, each as an archive of its own. */
export function sendCommand(tools: CommandContext): Command {
  const command = new Command("send")
    .description("Send files and folders to a vault: each file as an archive, several at once, none twice")
    .usage("[options] [file...] <vault>")
    .argument("<file...>", "files and folders, and the vault after them")
    .option("--files-from <file>", "list of further files: one a line, or with NULs after them; - is standard input")
    .option(
      "--base <file>",
      "folder that paths are relative to (default: the only folder that is named, else the current one)",
    )
    .option("--match <glob>", "only files whose paths match, e.g. '**/*.jpg'; may be repeated", repeated)
    .option("--exclude <glob>", "pass over files and folders whose paths match; may be repeated", repeated)
    .option("--min-size <size>", "only files of this size or more, e.g. 10MiB", size)
    .option("--max-size <size>", "only files of this size or less", size)
    .option("--modified-from <date>", "only files modified on or after this date, e.g. 2026-01-31", dateValue)
    .option("--modified-before <date>", "only files modified before this date", dateValue)
    .addOption(
      new Option("--description-format <format>", "format of the descriptions, json or mt2")
        .choices(descriptionFormats)
        .default("json"),
    )
    .option("--quick", "take files of the same path, size and time as known ones for the same, without reading them")
    .option("--resend-unknown", "send files again that may be stored, since a response was lost")
    .option("--manifest <file>", "file to which a line for each archive is appended")
    .option(...catalogFlags)
    .option(pricesFlag, pricesHelp);
  return addPaceOptions(command, "files")
    .addHelpText("after", details)
    .action((words: readonly string[], flags: SendFlags) => send(tools, words, flags));
}

interface SendResult extends Omit<FileCounts, "done"> {
  readonly vaultName: string;
  readonly sent: Amount;
}

const repeated = (text: string, earlier: readonly string[] = []) => [...earlier, text];

const details = `
A file is left out if the vault's catalogue has an archive with the same path,
size and tree hash. The description of an archive is JSON with the path, the
time and the permissions of the file; with --description-format mt2,
mt-aws-glacier can read it. Links, devices and empty files are left out; one
that is named itself counts as failed.

After any interruption, the same command resumes: parts of large files that the
service has are not sent again. Where a response was lost, AWS cannot tell
whether it has the file: such files are reported, and sent again once a newer
inventory was imported (moraine catalog import).

A file that cannot be read, or that changes meanwhile, does not stop the others;
the exit code is 1 then. With --dry-run, files are compared, and counts and cost
are shown.

In a glob, * stands for any characters but a slash, and ** between slashes for
any number of folders; --exclude with a slash at the end is of folders alone.
Quote globs, or the shell replaces them.

Examples:
  moraine send holiday photos
  moraine send --base / /home /etc backups --exclude '*.tmp' --exclude .cache
  moraine send holiday photos --match '*.jpg' --manifest photos.jsonl
  find . -name '*.pdf' -print0 | moraine send --files-from - papers
  moraine send holiday photos --dry-run`;

async function send(tools: CommandContext, words: readonly string[], flags: SendFlags): Promise<void> {
  const { filesFrom, base, ...options } = flags;
  const vaultName = words.at(-1) ?? "";
  const named: NamedSources = { names: words.slice(0, -1), filesFrom, base };
  if (named.names.length === 0 && filesFrom === undefined) {
    throw new UsageError(
      "Nothing to send: name files or folders before the vault, or a list of them with --files-from",
    );
  }
  if (tools.options().dryRun) {
    await showPlan(tools, vaultName, named, options);
    return;
  }
  const { sendFiles } = await import("../sending/send-files.ts");
  const { assertAllDone, countsText } = await import("../sending/file-counts-text.ts");
  const result = await tools.transfer<SendResult>(
    {
      name: vaultName,
      resumeHint: () => "Run the same command again to resume: what the vault has is not sent again.",
      readable: ({ sent, ...others }) => countsText({ done: sent, ...others }, { done: "sent", known: "known" }),
    },
    async (watched) => {
      const { done, ...others } = await sendFiles(tools, vaultName, named, options, watched);
      return { vaultName, sent: done, ...others };
    },
  );
  assertAllDone(result, "Run the same command again to send them");
}

async function showPlan(
  tools: CommandContext,
  vaultName: string,
  named: NamedSources,
  flags: Omit<SendFlags, "filesFrom" | "base">,
): Promise<void> {
  const prices = await pricesFrom(tools, flags.prices);
  const { planSending } = await import("../sending/send-plan.ts");
  const plan = await tools.transfer<SendPlan & { readonly dryRun: true }>(
    {
      name: vaultName,
      resumeHint: () => "Nothing was sent.",
      readable: (plan) => `Would send ${planText(plan)}.`,
      quietOutput: (plan) => `Would send ${planText(plan)}.`,
    },
    async (watched) => ({
      dryRun: true,
      ...(await planSending(tools, vaultName, named, { ...flags, prices }, watched)),
    }),
  );
  const { assertAllDone } = await import("../sending/file-counts-text.ts");
  assertAllDone({ failed: plan.failed, unknown: 0 }, "Nothing was sent");
}

function planText({ send, known, leftOut, failed, requests, cost }: SendPlan): string {
  const counted = [
    `${send.files} files, ${bytesExactly(send.bytes)}, in ${requests} requests`,
    ...(known.files > 0 ? [`the vault has ${known.files}`] : []),
    ...(leftOut > 0 ? [`${leftOut} left out`] : []),
    ...(failed > 0 ? [`${failed} cannot be read`] : []),
  ].join("; ");
  return cost === null ? counted : `${counted}. ${costText(cost)}`;
}

function costText({ requestsUsd, storageUsdPerMonth, pricesOf }: NonNullable<SendPlan["cost"]>): string {
  const dollars = (amount: number) => `$${amount.toFixed(2)}`;
  return `Requests cost ${dollars(requestsUsd)}, and storage ${dollars(storageUsdPerMonth)} a month (prices of ${pricesOf}; check before use)`;
}
