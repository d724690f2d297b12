import { Argument, Command } from "commander";
import type { Completion } from "../completion/places.ts";
import type { CommandContext } from "../context/tools.ts";

/** Each is loaded when it is needed. */
const shells: Readonly<Record<string, () => Promise<(completion: Completion) => string>>> = {
  bash: async () => (await import("../completion/bash.ts")).bashCompletion,
  zsh: async () => (await import("../completion/zsh.ts")).zshCompletion,
  fish: async () => (await import("../completion/fish.ts")).fishCompletion,
};

/** Prints scripts by which shells complete the command, made from its own tree of commands. */
export function completionCommand({ printResult }: CommandContext): Command {
  const completion = new Command("completion");
  return completion
    .description("Print a script that lets a shell complete commands, options and files")
    .addArgument(new Argument("<shell>").choices(Object.keys(shells)))
    .addHelpText(
      "after",
      `
Examples:
  source <(moraine completion bash)   # in ~/.bashrc
  source <(moraine completion zsh)    # in ~/.zshrc, after compinit
  moraine completion fish > ~/.config/fish/completions/moraine.fish   # once for each version
  moraine completion bash > /etc/bash_completion.d/moraine            # once for each version`,
    )
    .action(async (shell: string) => {
      const { completionOf } = await import("../completion/places.ts");
      const script = (await shells[shell]?.())?.(completionOf(programOf(completion)));
      printResult({ shell, script }, () => script ?? "");
    });
}

const programOf = (command: Command): Command => (command.parent === null ? command : programOf(command.parent));
