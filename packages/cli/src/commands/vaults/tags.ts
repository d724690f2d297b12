import { Command } from "commander";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import { onOneLine } from "../../terminal/printable.ts";
import { table } from "../../terminal/table.ts";

/** Limit of the service. */
const tagsPerRequestMax = 10;

/** Lists, adds and removes the tags of a vault. */
export function tagsCommand(tools: CommandContext): Command {
  const tags = new Command("tags").description("Tags of a vault: list, add, remove");
  addList(tags, tools);
  addAdd(tags, tools);
  addRemove(tags, tools);
  return tags;
}

function addList(tags: Command, { client, printResult, signal }: CommandContext): void {
  tags
    .command("list")
    .description("List the tags")
    .argument("<vault>")
    .addHelpText(
      "after",
      `
With --quiet, KEY=VALUE on each line, as "add" takes them.

Examples:
  moraine tags list photos
  moraine tags list photos --quiet | xargs -d '\\n' moraine tags add copies`,
    )
    .action(async (vaultName: string) => {
      const answer = await (await client()).listTagsForVault({ vaultName }, { signal });
      const rows = Object.entries(answer.Tags).map(([key, value]) => ({ key, value }));
      printResult(
        answer,
        () => table({ KEY: "key", VALUE: "value" }, rows),
        () => rows.map(({ key, value }) => onOneLine(`${key}=${value}`)).join("\n"),
      );
    });
}

function addAdd(tags: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  tags
    .command("add")
    .description("Add tags; the value of an existing key is replaced")
    .argument("<vault>")
    .argument("<tag...>", "like team=archive; team= has an empty value")
    .addHelpText("after", "\nExample:\n  moraine tags add photos team=archive 'owner=Ann Lee'")
    .action(async (vaultName: string, words: readonly string[]) => {
      const added = words.map(keyAndValue);
      const tagsAdded = Object.fromEntries(added);
      if (Object.keys(tagsAdded).length < added.length) {
        throw new UsageError("A key is given twice");
      }
      if (reportIfDryRun(`add ${counted(words)} to vault ${vaultName}: ${words.join(", ")}`, { Tags: tagsAdded })) {
        return;
      }
      const glacier = await client();
      for (const some of inTens(added)) {
        await glacier.addTagsToVault({ vaultName, Tags: Object.fromEntries(some) }, { signal });
      }
      printMessage({}, `Added ${counted(words)} to vault ${vaultName}.`);
    });
}

function addRemove(tags: Command, { client, printMessage, reportIfDryRun, signal }: CommandContext): void {
  tags
    .command("remove")
    .description("Remove tags; keys that the vault does not have are ignored")
    .argument("<vault>")
    .argument("<key...>")
    .addHelpText("after", "\nExample:\n  moraine tags remove photos team owner")
    .action(async (vaultName: string, keys: readonly string[]) => {
      if (reportIfDryRun(`remove ${counted(keys)} from vault ${vaultName}: ${keys.join(", ")}`, { TagKeys: keys })) {
        return;
      }
      const glacier = await client();
      for (const some of inTens(keys)) {
        await glacier.removeTagsFromVault({ vaultName, TagKeys: some }, { signal });
      }
      printMessage({}, `Removed ${counted(keys)} from vault ${vaultName}.`);
    });
}

function keyAndValue(tag: string): readonly [string, string] {
  const equals = tag.indexOf("=");
  if (equals < 1) {
    throw new UsageError(`Invalid tag "${tag}": expected KEY=VALUE, like team=archive`);
  }
  return [tag.slice(0, equals), tag.slice(equals + 1)];
}

function* inTens<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += tagsPerRequestMax) {
    yield items.slice(start, start + tagsPerRequestMax);
  }
}

const counted = (tags: readonly unknown[]) => (tags.length === 1 ? "1 tag" : `${tags.length} tags`);
