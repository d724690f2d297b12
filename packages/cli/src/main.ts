#!/usr/bin/env -S node --disable-sigusr1 --conditions=@moraine/source
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { endBySignal, requestToEnd } from "./signals.ts";

// Node would open its inspector, through which any user of the machine could read the credentials.
process.on("SIGUSR1", () => undefined);
// Compiling takes longer than most commands do. Not where others may write, as Node's own choice would be.
enableCompileCache(join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "moraine"));
const { runProgram } = await import("./program.ts");

// npm runs scripts in the package's folder; relative paths count from where the user stands.
const folder = process.env["INIT_CWD"] ?? process.cwd();

process.exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  signal: requestToEnd(process),
  stdin: () => process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  pathOf: (name) => resolve(folder, name),
});
endBySignal(process, process.exitCode);
