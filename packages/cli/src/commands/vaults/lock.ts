import type { OperationOutput } from "@moraine/client";
import { Command } from "commander";
import { checkedId } from "../../arguments/ids.ts";
import { readPolicy } from "../../arguments/policy-document.ts";
import { serviceFacts } from "../../context/service-facts.ts";
import type { CommandContext } from "../../context/tools.ts";
import { addYesOption, type YesOption } from "../../terminal/confirm.ts";
import { shellWord } from "../../terminal/shell-lines.ts";
import { listing } from "../../terminal/table.ts";
import { sentOnce } from "../../transfers/sent-once.ts";

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
A lock is on trial for 24 hours, and its policy is enforced at once. Within that time "complete" makes it permanent: nobody, neither you
nor the service's operator, can ever change or remove it. "abort" removes it; otherwise it expires.

Examples:
  moraine lock initiate photos lock.json
  moraine lock get photos
  moraine lock complete photos LOCK_ID
  moraine lock abort photos`;

function addGet(lock: Command, { client, printResult, signal }: CommandContext): void {
  lock
    .command("get")
    .description("Show the lock: its state, when its trial ends, its policy")
    .argument("<vault>")
    .addHelpText(
      "after",
      `
With --quiet, only the policy.

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
Prints the lock's id, which is needed to complete it and is shown only once. With --quiet, prints only the id.

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
        // Neither retried nor aborted: the service returns the id only once.
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
    .description("Make the lock permanent: nobody can ever change or remove it")
    .argument("<vault>")
    .argument("<lock>", "its id, @FILE for a file that contains it, or - for standard input");
  addYesOption(command)
    .addHelpText(
      "after",
      `
This cannot be undone or bypassed: archives that the policy protects can be deleted only when it allows that. Shows the lock and asks
for confirmation on the terminal; without one, --yes is required.

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
    .description("Remove a lock that is on trial, if any")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine lock abort photos")
    .action(async (vaultName: string) => {
      if (!reportIfDryRun(`remove the lock of vault ${vaultName}, if it is on trial`)) {
        const answer = await (await client()).abortVaultLock({ vaultName }, { signal });
        printMessage(answer, `Vault ${vaultName} has no lock.`);
      }
    });
}

function inWords({ State, CreationDate, ExpirationDate }: Lock): string {
  const state = State === "Locked" ? "Locked: permanent" : `${State}: on trial, already enforced`;
  return listing({
    state,
    started: CreationDate,
    ends: ExpirationDate ? `${ExpirationDate}, unless it is completed before` : "never",
  });
}

const initiated = (
  vaultName: string,
  lockId: string,
) => `Vault ${vaultName} has a lock on trial. Its id, which is shown only now:
${lockId}

Its policy is enforced already: test what it must deny, and what it must still allow. Within 24 hours, either
  moraine lock complete ${vaultName} ${lockId}
makes it permanent, and nobody can ever change or remove it; or
  moraine lock abort ${vaultName}
removes it. Otherwise it expires.`;
