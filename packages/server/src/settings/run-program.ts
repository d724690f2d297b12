import { constants } from "node:os";
import { errorCode } from "../files/missing.ts";

const exitCannotRun = 2;

/**
 * Runs a program of this package that is no server: its result is the exit code, 2 when it throws. An error is one line on the standard
 * error output.
 */
export async function runProgram(program: () => Promise<number>): Promise<void> {
  // Node would open its inspector, through which any user of the machine could read keys; also where no flag forbids it.
  process.on("SIGUSR1", () => undefined);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // The end of the process removes a copy of the database; a signal alone would not.
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
  // A reader that ends early, like head, has seen enough.
  process.stdout.on("error", () => process.exit(exitCannotRun));
  process.exitCode = await program().catch((error: unknown) => {
    const isDenied = ["EACCES", "EPERM"].includes(errorCode(error) ?? "");
    const message = (error as Error).message.replace(/\s*\n\s*/g, " ");
    process.stderr.write(`moraine: ${message}${isDenied ? ": run it as the server's user" : ""}\n`);
    return exitCannotRun;
  });
}
