import { dirname } from "node:path";
import type { CommandContext } from "../context/tools.ts";
import { openTarget } from "../targets/open-target.ts";
import type { Target } from "../targets/target.ts";
import { stateFile } from "../transfers/upload-state.ts";

/** Opens the target that a user names. @param create makes a folder that is missing */
export function targetOf(
  tools: CommandContext,
  text: string,
  { create }: { readonly create: boolean },
): Promise<Target & AsyncDisposable> {
  const { environment, pathOf } = tools;
  const { ca } = tools.options();
  return openTarget(text, { environment, pathOf, stateFolder: stateFolder(tools, "targets"), ca, create });
}

/** Returns a folder of this program's state. */
export const stateFolder = (tools: CommandContext, name: string): string => dirname(stateFile(tools, name, []));
