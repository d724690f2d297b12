import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { endBySignal, requestToEnd } from "./context/signals.ts";
import type { CliEnvironment } from "./context/tools.ts";

/** Runs the command as a process of its own. */
export async function run(running: NodeJS.Process, environment: CliEnvironment["environment"]): Promise<void> {
  // Node would open its inspector, through which any user of the machine could read the credentials.
  running.on("SIGUSR1", () => undefined);
  keepCompiled(environment);
  const args = running.argv.slice(2);
  const program = serverProgram(args);
  if (program !== null) {
    const { launch } = await import("@moraine/server/launch");
    launch(program.name, program.flags, environment);
  }
  const { runProgram } = await import("./program.ts");
  running.exitCode = await runProgram(args, {
    environment,
    signal: requestToEnd(running),
    stdin: () => running.stdin,
    stdout: running.stdout,
    stderr: running.stderr,
    pathOf: (name) => resolve(name),
  });
  endBySignal(running, running.exitCode);
}

/** Keeps compiled code, since compiling takes longer than most commands. Node's own folder for it is one that others may write to. */
function keepCompiled(environment: CliEnvironment["environment"]): void {
  try {
    enableCompileCache(join(environment["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "moraine"));
  } catch {
    // A user who is in no list of users, as in containers, has no home.
  }
}

const programs = ["serve", "verify", "backup", "restore", "repair"] as const;
type ProgramName = (typeof programs)[number] | "copy";

/** The program of the server's package that a command becomes, whose flags are its own; null for any other command. */
function serverProgram(args: readonly string[]): { name: ProgramName; flags: readonly string[] } | null {
  const isHelp = args[0] === "help";
  const [word, ...flags] = isHelp ? args.slice(1) : args;
  if (word === "admin" && flags[0] === "copy") {
    return { name: "copy", flags: isHelp ? ["--help"] : flags.slice(1) };
  }
  const name = programs.find((program) => program === word);
  return name === undefined ? null : { name, flags: isHelp ? ["--help"] : flags };
}
