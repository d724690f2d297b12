#!/usr/bin/env -S node --conditions=@moraine/source
import { resolve } from "node:path";
import { CommanderError } from "commander";
import { exitCodeOf, exitCodes, InterruptedError, messageOf } from "./exit-codes.ts";
import { runProgram } from "./program.ts";

// npm runs scripts in the package's folder; relative paths count from where the user stands.
const folder = process.env["INIT_CWD"] ?? process.cwd();
const { signal } = endOnRequest();

try {
  await runProgram(process.argv.slice(2), {
    environment: process.env,
    signal,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    pathOf: (name) => resolve(folder, name),
  });
} catch (error) {
  // What commander throws it has said already; its only success is help.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  } else {
    const cause = signal.aborted ? signal.reason : error;
    process.stderr.write(`moraine: ${messageOf(cause)}\n`);
    process.exitCode = exitCodeOf(cause);
  }
}

/** The first request to end is heard by whatever runs, so that it leaves things in order; the second one ends it at once. */
function endOnRequest(): AbortController {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        process.exit(exitCodes.interrupted);
      }
      controller.abort(new InterruptedError("interrupted"));
    });
  }
  return controller;
}
