import type { OperationOutput } from "@moraine/client";
import { Command } from "commander";
import { checkedId } from "../arguments/ids.ts";
import { readPolicy } from "../arguments/policy-document.ts";
import { serviceFacts } from "../context/service-facts.ts";
import type { CommandContext } from "../context/tools.ts";
import { addYesOption, type YesOption } from "../terminal/confirm.ts";
import { shellWord } from "../terminal/shell-lines.ts";
import { listing } from "../terminal/table.ts";
import { sentOnce } from "../transfers/sent-once.ts";

type Lock = OperationOutput<"GetVaultLock">;

/** The lock of a vault: a policy that, once complete, nobody can change. */
export function lockCommand(tools: CommandContext): Command {
  const lock = new Command("lock")
    .description("Lock policy of a vault, which becomes permanent: get, initiate, complete, abort")
    .addHelpText("after", details);
  addGet(lock, tools);
  addInitiate(lock, tools);
  addComplete(lock, tools);
  addAbort(lock, tools);
  return lock;
}

const details = `
A lock begins on trial, for 24 hours, in which its policy is enforced already. Until they end, "complete" makes it permanent: nobody,
neither you nor the service's operator, can change or remove it ever after. "abort" takes it back; without either it ends by itself.

Examples:
  moraine lock initiate photos lock.json
  moraine lock get photos
  moraine lock complete photos LOCK_ID
  moraine lock abort photos`;

function addGet(lock: Command, { client, printResult, signal }: CommandContext): void {
  lock
    .command("get")
    .description("Show the lock: its state, until when it is on trial, its policy")
    .argument("<vault>")
    .addHelpText(
      "after",
      `
With --quiet, the policy alone.

Examples:
  moraine lock get photos
  moraine lock get photos --quiet > lock.json`,
    )
    .action(async (vaultName: string) => {
      const answer = await (await client()).getVaultLock({ vaultName }, { signal });
      printResult(
        answer,
        () => `${inWords(answer)}\n\n${answer.Policy}`,
        () => answer.Policy,
      );
    });
}

function addInitiate(lock: Command, { client, readText, printResult, keep, reportIfDryRun }: CommandContext): void {
  lock
    .command("initiate")
    .description("Put a lock policy on trial, for 24 hours")
    .argument("<vault>")
    .argument("<file>", "the policy, as JSON; - is standard input")
    .addHelpText(
      "after",
      `
Prints the lock's id, which completes it, and which the service never tells again; with --quiet, it alone.

Examples:
  moraine lock initiate photos lock.json
  moraine lock initiate photos lock.json --quiet > lock-id.txt`,
    )
    .action(async (vaultName: string, file: string) => {
      const text = await readPolicy(readText, file);
      const facts = { vaultName, policy: { Policy: text } };
      if (
        !reportIfDryRun(`put a lock on vault ${vaultName} on trial for 24 hours, with the policy in ${file}`, facts)
      ) {
        // Neither repeated nor broken off: the id is told once.
        const request = (await client({ attemptsMax: 1 })).initiateVaultLock(facts);
        const answer = await sentOnce(
          request,
          `see moraine lock get ${vaultName}; without its id it can only be aborted`,
        );
        const lockId = checkedId(answer.lockId);
        keep(`The lock is on trial. Its id is ${lockId}`);
        printResult(
          answer,
          () => initiated(shellWord(vaultName), lockId),
          () => lockId,
        );
      }
    });
}

function addComplete(
  lock: Command,
  { client, readId, confirm, printMessage, reportIfDryRun, signal }: CommandContext,
): void {
  const command = lock
    .command("complete")
    .description("Make the lock permanent: nobody can change or remove it ever after")
    .argument("<vault>")
    .argument("<lock>", "its id, @FILE that holds it, or - for standard input");
  addYesOption(command)
    .addHelpText(
      "after",
      `
This cannot be undone, and there is no way round it: archives that the policy protects can only be deleted when it says so. Shows the
lock and asks on the terminal; without one, --yes is needed.

Examples:
  moraine lock complete photos LOCK_ID
  moraine lock complete photos @lock-id.txt --yes`,
    )
    .action(async (vaultName: string, given: string, { yes }: YesOption) => {
      const lockId = await readId(given);
      const what = `make the lock of vault ${vaultName} permanent, so that nobody can ever change or remove it`;
      if (reportIfDryRun(what, { vaultName, lockId })) {
        return;
      }
      const glacier = await client();
      if (!yes) {
        await confirm(vaultName, async () => {
          const answer = await glacier.getVaultLock({ vaultName }, { signal });
          const facts = await serviceFacts({ client: glacier, signal }, vaultName);
          return `${facts}\n${inWords(answer)}\n\n${answer.Policy}\n\nThis would ${what}.`;
        });
      }
      const answer = await glacier.completeVaultLock({ vaultName, lockId }, { signal });
      printMessage(answer, `The lock of vault ${vaultName} is permanent.`);
    });
}

function addAbort(lock: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  lock
    .command("abort")
    .description("Take back a lock that is on trial; succeeds also if there is none")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine lock abort photos")
    .action(async (vaultName: string) => {
      if (!reportIfDryRun(`take back the lock of vault ${vaultName}, if it is on trial`)) {
        const answer = await (await client()).abortVaultLock({ vaultName }, { signal });
        printMessage(answer, `Vault ${vaultName} has no lock.`);
      }
    });
}

function inWords({ State, CreationDate, ExpirationDate }: Lock): string {
  const state = State === "Locked" ? "Locked: permanent" : `${State}: on trial, already enforced`;
  return listing({
    state,
    begun: CreationDate,
    ends: ExpirationDate ? `${ExpirationDate}, unless it is completed before` : "never",
  });
}

const initiated = (
  vaultName: string,
  lockId: string,
) => `Vault ${vaultName} has a lock on trial. Its id, which is shown only now:
${lockId}

Its policy is enforced already: try what it must deny, and what it must still allow. Within 24 hours, either
  moraine lock complete ${vaultName} ${lockId}
makes it permanent, and nobody can change or remove it ever after; or
  moraine lock abort ${vaultName}
takes it back. Without either it ends by itself.`;
