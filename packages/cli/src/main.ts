#!/usr/bin/env -S node --conditions=@moraine/source
import { resolve } from "node:path";
import { CommanderError } from "commander";
import { exitCodeOf, exitCodes, messageOf } from "./exit-codes.ts";
import { buildProgram } from "./program.ts";

// npm runs scripts in the package's folder; relative paths count from where the user stands.
const folder = process.env["INIT_CWD"] ?? process.cwd();

try {
  await buildProgram({
    environment: process.env,
    pathOf: (name) => resolve(folder, name),
    print: (text) => process.stdout.write(`${text}\n`),
  }).parseAsync();
} catch (error) {
  // What commander throws it has said already; its only success is help.
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  } else {
    process.stderr.write(`moraine: ${messageOf(error)}\n`);
    process.exitCode = exitCodeOf(error);
  }
}
