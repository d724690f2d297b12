import { Command } from "commander";
import { adminCommand } from "./admin/admin.ts";
import { adminClient, glacierClient } from "./client.ts";
import { vaultCommand } from "./commands/vault.ts";
import { markIds, unmarked, unmarkIds } from "./dashed-ids.ts";
import { addGlobalOptions, globalOptionsOf } from "./global-options.ts";
import { argumentReader } from "./read-argument.ts";
import type { AdminTools, Surroundings, Tools } from "./tools.ts";

/** Runs what the arguments say. Rejects with what went wrong; commander throws for what it cannot read. */
export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const program = new Command("moraine").description(
    "Archives in Glacier vaults, of AWS's or of a Moraine server: transferred in parallel, verified, and so that what breaks off goes on.",
  );
  const running = { command: program };
  program.hook("preAction", (_, command) => {
    unmarkIds(command);
    running.command = command;
  });
  const tools = toolsOf(running, surroundings);
  for (const command of [vaultCommand(tools), adminCommand(adminToolsOf(running, surroundings))]) {
    program.addCommand(command);
  }
  program.addHelpText("after", details);
  addGlobalOptions(program);
  strict(program);
  await program.parseAsync(markIds(args, program), { from: "user" });
}

const details = `
Global options may stand anywhere after "moraine". An id may be given as itself, also when it begins with a dash; as @FILE, which
holds it; or as -, to be read from standard input.

Credentials come from where AWS's tools look for them: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, profiles, SSO, roles.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 verification failed, 5 denied, 75 not ready yet, 130 interrupted.`;

interface Running {
  command: Command;
}

function toolsOf(running: Running, surroundings: Surroundings): Tools {
  const options = () => globalOptionsOf(running.command);
  const print = (text: string) => {
    if (text !== "") {
      surroundings.stdout.write(`${text}\n`);
    }
  };
  const show: Tools["show"] = (answer, readable, essence = readable) => {
    const { json, quiet } = options();
    print(json ? JSON.stringify(answer, null, 2) : quiet ? essence() : readable());
  };
  return {
    signal: surroundings.signal,
    pathOf: surroundings.pathOf,
    ...argumentReader(surroundings),
    client: () => glacierClient(options(), surroundings.environment),
    show,
    tell: (answer, sentence) =>
      show(
        answer,
        () => sentence,
        () => "",
      ),
    isDryRun(what, facts = {}) {
      const { dryRun = false } = options();
      if (dryRun) {
        show({ dryRun, would: what, ...facts }, () => `Would ${what}.`);
      }
      return dryRun;
    },
  };
}

function adminToolsOf(running: Running, { environment, pathOf, stdout }: Surroundings): AdminTools {
  const options = () => globalOptionsOf(running.command);
  return {
    call: async (name, input) => (await adminClient(options(), environment))(name, input),
    pathOf,
    show: (answer, readable) =>
      void stdout.write(`${options().json === true ? JSON.stringify(answer, null, 2) : readable()}\n`),
  };
}

/** Commands that are added do not take after their parents by themselves. */
function strict(command: Command): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(unmarked(text).replace(/^error: /, "moraine: ")) })
    .showHelpAfterError("Try --help.");
  for (const below of command.commands) {
    strict(below);
  }
}
