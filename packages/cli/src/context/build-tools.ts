import { once } from "node:events";
import { exactNumber } from "@moraine/protocol";
import { argumentReader } from "../arguments/read-argument.ts";
import { OutputError, UsageError } from "../exit-codes.ts";
import { confirmer } from "../terminal/confirm.ts";
import { onOneLine, printable, printableBytes, printableJson, printLine } from "../terminal/printable.ts";
import { shellWord } from "../terminal/shell-lines.ts";
import { adminClient, glacierClient } from "./client.ts";
import { globalOptionsOf } from "./global-options.ts";
import { transferRunner } from "./run-transfer.ts";
import type { RunState } from "./running.ts";
import type { AdminContext, CliEnvironment, CommandContext } from "./tools.ts";

export function buildTools(running: RunState, surroundings: CliEnvironment): CommandContext {
  const { environment, signal, stdin, stdout, stderr, pathOf } = surroundings;
  const options = () => globalOptionsOf(running.command);
  const printResult: CommandContext["printResult"] = (answer, readable, quietOutput = readable) => {
    const { json, quiet } = options();
    printLine(stdout, json ? jsonOf(answer) : quiet ? quietOutput() : readable());
  };
  return {
    environment,
    signal,
    stdin,
    stdout,
    stderr,
    pathOf,
    options,
    ...argumentReader(surroundings),
    now: () => new Date(),
    args: running.args,
    commandLineWithout: (flag) => ["moraine", ...running.args.filter((each) => each !== flag)].map(shellWord).join(" "),
    client: (settings) => glacierClient(options(), environment, settings),
    confirm: confirmer(surroundings),
    printResult,
    keep: keeper(running),
    printMessage(answer, sentence) {
      printResult(
        answer,
        () => sentence,
        () => "",
      );
    },
    notice: (sentence) => void stderr.write(`moraine: ${onOneLine(sentence)}\n`),
    reportIfDryRun(what, facts = {}) {
      const { dryRun = false } = options();
      if (dryRun) {
        printResult({ dryRun, would: what, ...facts }, () => `Would ${what}.`);
      }
      return dryRun;
    },
    transfer: transferRunner(running, surroundings, options),
    setResumeHint(hint) {
      running.resumeHint = hint;
    },
    writeOut: (bytes) => writeEach(stdout, stdout.isTTY ? printableBytes(bytes) : bytes, signal),
    printed: () =>
      new Promise((resolve, reject) => {
        stdout.write("", (error) => (error ? reject(new OutputError(error)) : resolve()));
      }),
  };
}

/** Waits until each piece is written before it asks for the next, which may be in the same memory. */
async function writeEach(
  stdout: NodeJS.WriteStream,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined); // Nothing awaits it between two pieces.
  const abort = () => broken.reject(signal.reason);
  stdout.on("error", broken.reject);
  signal.addEventListener("abort", abort, { once: true });
  try {
    for await (const piece of pieces) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      stdout.write(piece, (error) => (error ? reject(error) : resolve()));
      await Promise.race([promise, broken.promise]);
    }
  } finally {
    stdout.off("error", broken.reject);
    signal.removeEventListener("abort", abort);
  }
}

export function buildAdminTools(running: RunState, surroundings: CliEnvironment): AdminContext {
  const { environment, pathOf, signal, stdout } = surroundings;
  const options = () => globalOptionsOf(running.command);
  return {
    environment,
    pathOf,
    signal,
    async printLine(text) {
      if (!stdout.write(`${stdout.isTTY ? printable(text) : text}\n`)) {
        await once(stdout, "drain", { signal });
      }
    },
    isJson: () => options().json === true,
    async call(name, input) {
      const { dryRun, account } = options();
      if (dryRun || account !== undefined) {
        throw new UsageError("admin commands do not take --dry-run or --account");
      }
      return (await adminClient(options(), environment))(name, input);
    },
    readText: argumentReader(surroundings).readText,
    printResult: (answer, readable) => printLine(stdout, options().json ? jsonOf(answer) : readable()),
    keep: keeper(running),
  };
}

const keeper = (running: RunState) => (sentence: string) => {
  running.unprinted = sentence;
  running.isOutput = false;
};

/** Formats JSON with indentation. 64-bit numbers are not rounded. */
function jsonOf(answer: unknown): string {
  return printableJson(answer, (_, value) => (typeof value === "bigint" ? exactNumber(value) : value), 2);
}
