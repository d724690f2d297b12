import type { GlacierClient } from "@moraine/client";
import { Command } from "commander";
import { checkedVaultName } from "../../arguments/ids.ts";
import { bytesInWords } from "../../arguments/sizes.ts";
import type { CommandContext } from "../../context/tools.ts";
import { listed } from "../../terminal/listed.ts";
import { listing, table } from "../../terminal/table.ts";
import { addEmpty } from "./vault-empty.ts";

/** Creates, shows, empties and deletes vaults. */
export function vaultCommand(tools: CommandContext): Command {
  const vault = new Command("vault").description("Vaults: list, create, describe, empty, delete");
  addList(vault, tools);
  addCreate(vault, tools);
  addDescribe(vault, tools);
  addEmpty(vault, tools);
  addDelete(vault, tools);
  return vault;
}

function addList(vault: Command, { client, printResult, signal }: CommandContext): void {
  vault
    .command("list")
    .description("List the vaults, with the counts of their last inventories")
    .addHelpText(
      "after",
      `
Archives and bytes are counted when a service makes an inventory, on AWS once a
day. With --quiet, only names.

Examples:
  moraine vault list
  moraine vault list --json`,
    )
    .action(async () => {
      const { everyItem } = await import("@moraine/client/node");
      const vaults = await listed(everyItem(await client(), "listVaults", {}, { signal }));
      const rows = vaults.map((one) => ({ ...one, Size: bytesInWords(one.SizeInBytes) }));
      const columns = {
        VAULT: "VaultName",
        ARCHIVES: "NumberOfArchives",
        SIZE: "Size",
        BYTES: "SizeInBytes",
        INVENTORY: "LastInventoryDate",
      } as const;
      printResult(
        vaults,
        () => table(columns, rows),
        () => vaults.map(({ VaultName }) => checkedVaultName(VaultName)).join("\n"),
      );
    });
}

function addCreate(vault: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  vault
    .command("create")
    .description("Create a vault; an existing one is not changed")
    .argument("<vault>", "up to 255 letters, digits or ._-")
    .addHelpText("after", "\nExample:\n  moraine vault create photos")
    .action(async (vaultName: string) => {
      if (!reportIfDryRun(`create vault ${vaultName}`)) {
        const glacier = await client();
        const existed = await exists(glacier, vaultName, signal);
        const answer = await glacier.createVault({ vaultName }, { signal });
        printMessage(answer, existed ? `Vault ${vaultName} already exists.` : `Created vault ${vaultName}.`);
      }
    });
}

function addDescribe(vault: Command, { client, printResult, signal }: CommandContext): void {
  vault
    .command("describe")
    .description("Show a vault, with the counts of its last inventory")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine vault describe photos")
    .action(async (vaultName: string) => {
      const one = await (await client()).describeVault({ vaultName }, { signal });
      printResult(one, () =>
        listing({
          vault: one.VaultName,
          arn: one.VaultARN,
          created: one.CreationDate,
          inventory: one.LastInventoryDate,
          archives: one.NumberOfArchives,
          size: `${bytesInWords(one.SizeInBytes)} (${one.SizeInBytes} bytes)`,
        }),
      );
    });
}

function addDelete(vault: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  vault
    .command("delete")
    .description("Delete a vault that is empty in its last inventory and was not written to since")
    .argument("<vault>")
    .addHelpText("after", "\nExample:\n  moraine vault delete photos")
    .action(async (vaultName: string) => {
      if (!reportIfDryRun(`delete vault ${vaultName}, if it is empty`)) {
        const glacier = await client();
        // The service reports success for a vault that never existed: a mistyped name would look deleted.
        await assertExists(glacier, vaultName, signal);
        printMessage(await glacier.deleteVault({ vaultName }, { signal }), `Deleted vault ${vaultName}.`);
      }
    });
}

/** Throws ResourceNotFoundException for a vault that does not exist. Returns if a policy denies DescribeVault. */
async function assertExists(client: GlacierClient, vaultName: string, signal: AbortSignal): Promise<void> {
  await client.describeVault({ vaultName }, { signal }).catch(unless("AccessDeniedException"));
}

/** Returns false also when a policy denies DescribeVault, and when an emulator reports a missing vault in another form. */
async function exists(client: GlacierClient, vaultName: string, signal: AbortSignal): Promise<boolean> {
  const found = await client
    .describeVault({ vaultName }, { signal })
    .catch(unless("AccessDeniedException", "ResourceNotFoundException", "UnexpectedResponse"));
  return found !== null;
}

/** Ignores errors with these names: their classes would have to be loaded first. */
const unless =
  (...names: readonly string[]) =>
  (error: unknown): null => {
    if (error instanceof Error && names.includes(error.name)) {
      return null;
    }
    throw error;
  };
