import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { findList } from "../../arguments/list-file.ts";
import type { CommandContext } from "../../context/tools.ts";
import { UsageError } from "../../exit-codes.ts";
import type { Amount } from "../files-progress.ts";
import type { FileRules } from "./file-rules.ts";
import type { LocalEntry } from "./local-entry.ts";
import { localEntries, type Walk } from "./local-files.ts";
import { namesIn } from "./named-files.ts";

/** The files to send, as the user names them. */
export interface NamedSources {
  /** Files and folders. */
  readonly names: readonly string[];
  /** A list of more, or `-` for standard input. */
  readonly filesFrom?: string | undefined;
  /** The folder that paths are relative to. @default the only folder named, else the current one */
  readonly base?: string | undefined;
}

/** Files and folders to be looked at. */
export interface Sources {
  /** Yields all that is selected, each time it is called. */
  entries(signal: AbortSignal): AsyncGenerator<LocalEntry, void, void>;
  /** Whether the list can be read twice. */
  readonly isRepeatable: boolean;
}

/** Throws UsageError for a base that is no folder, and for a list that cannot be read. */
export async function sourcesOf(
  tools: Pick<CommandContext, "pathOf" | "stdin">,
  named: NamedSources,
  rules: FileRules,
): Promise<Sources> {
  const { names, filesFrom } = named;
  const base = await baseOf(tools, named);
  const current = tools.pathOf(".");
  const list = filesFrom === undefined ? null : await findList(tools, filesFrom);
  return {
    isRepeatable: list?.isRepeatable ?? true,
    async *entries(signal) {
      const walk: Walk = { base, rules, signal };
      for (const name of names) {
        yield* localEntries(tools.pathOf(name), { isNamed: true }, walk);
      }
      if (list !== null) {
        for await (const name of namesIn(list)) {
          yield* localEntries(resolve(current, name), { isNamed: false }, walk);
        }
      }
    },
  };
}

/** Counts the files, whose attributes are read, and nothing else. */
export async function amountOf({ entries }: Sources, signal: AbortSignal): Promise<Amount> {
  const amount = { files: 0, bytes: 0 };
  for await (const entry of entries(signal)) {
    if (entry.kind === "file") {
      amount.files += 1;
      amount.bytes += entry.sizeBytes;
    } else if (entry.kind === "failed") {
      amount.files += 1;
    }
  }
  return amount;
}

async function baseOf(
  { pathOf }: Pick<CommandContext, "pathOf">,
  { names, filesFrom, base }: NamedSources,
): Promise<string> {
  const [first, ...others] = names;
  const isOnly = first !== undefined && others.length === 0 && filesFrom === undefined;
  const isFolder = async (name: string) => (await stat(pathOf(name)).catch(() => null))?.isDirectory() ?? false;
  if (base === undefined) {
    return isOnly && (await isFolder(first)) ? pathOf(first) : pathOf(".");
  }
  if (!(await isFolder(base))) {
    throw new UsageError(`--base ${base} is not a folder`);
  }
  return pathOf(base);
}
