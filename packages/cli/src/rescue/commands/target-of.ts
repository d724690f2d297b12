import { dirname } from "node:path";
import type { CommandContext } from "../../context/tools.ts";
import { targetSpace } from "../../planning/target-space.ts";
import { openTarget } from "../../targets/open-target.ts";
import { type Target, TargetUnavailableError } from "../../targets/target.ts";
import { stateFile } from "../../transfers/upload-state.ts";

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

export type EstimatedTarget = Pick<Target, "url" | "freeBytes">;

/** Opens a target for a dry run, which may name a folder that the rescue is to create. */
export async function targetToEstimate(
  tools: CommandContext,
  text: string,
): Promise<EstimatedTarget & AsyncDisposable> {
  try {
    return await targetOf(tools, text, { create: false });
  } catch (error) {
    if (!(error instanceof TargetUnavailableError) || !isMissing(error.cause)) {
      throw error;
    }
    const freeBytes = async () => (await targetSpace(text, tools.pathOf)).freeBytes;
    return { url: tools.pathOf(text), freeBytes, [Symbol.asyncDispose]: async () => undefined };
  }
}

const isMissing = (cause: unknown) => cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** Returns a folder of this program's state. */
export const stateFolder = (tools: CommandContext, name: string): string => dirname(stateFile(tools, name, []));
