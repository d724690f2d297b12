import { once } from "node:events";
import { exactNumber } from "@moraine/protocol";
import type { Command } from "commander";
import { adminClient, glacierClient } from "./client.ts";
import { confirmer } from "./confirm.ts";
import { endOf, UsageError } from "./exit-codes.ts";
import { type GlobalOptions, globalOptionsOf } from "./global-options.ts";
import { printable, printableBytes, printableJson } from "./printable.ts";
import { argumentReader } from "./read-argument.ts";
import type { AdminTools, Surroundings, Tools, TransferView } from "./tools.ts";
import { lineReport, quietReport, type TransferReport, terminalReport } from "./transfer-report.ts";

/** The command that runs, once arguments have been read. */
export interface Running {
  command: Command;
  /** How it would go on, were it broken off now. */
  goOn: string | null;
}

export function buildTools(running: Running, surroundings: Surroundings): Tools {
  const { environment, signal, stdin, stdout, pathOf } = surroundings;
  const options = () => globalOptionsOf(running.command);
  const show: Tools["show"] = (answer, readable, essence = readable) => {
    const { json, quiet } = options();
    printLine(stdout, json ? jsonOf(answer) : quiet ? essence() : readable());
  };
  return {
    environment,
    signal,
    stdin,
    pathOf,
    options,
    ...argumentReader(surroundings),
    client: (settings) => glacierClient(options(), environment, settings),
    confirm: confirmer(surroundings),
    show,
    tell(answer, sentence) {
      show(
        answer,
        () => sentence,
        () => "",
      );
    },
    isDryRun(what, facts = {}) {
      const { dryRun = false } = options();
      if (dryRun) {
        show({ dryRun, would: what, ...facts }, () => `Would ${what}.`);
      }
      return dryRun;
    },
    transfer: transferRunner(running, surroundings, options),
    writeOut: (bytes) => writeEach(stdout, stdout.isTTY ? printableBytes(bytes) : bytes, signal),
    printed: () => new Promise((resolve, reject) => stdout.write("", (error) => (error ? reject(error) : resolve()))),
  };
}

/** Each piece to its end before the next, which may come in the same memory. */
async function writeEach(
  stdout: NodeJS.WriteStream,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined); // Between two pieces nobody listens.
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

function transferRunner(running: Running, surroundings: Surroundings, options: () => GlobalOptions): Tools["transfer"] {
  return async (view, run) => {
    const report = await reportFor(view as TransferView<object>, surroundings, options());
    running.goOn = view.goOn;
    try {
      const result = await run({ signal: surroundings.signal, onEvent: report.onEvent });
      report.done(result);
      return result;
    } catch (thrown) {
      const error = endOf(thrown, surroundings.signal);
      report.failed(error);
      throw error;
    }
  };
}

function reportFor(
  { name, bytesOnStdout = false, readable, essence = () => "" }: TransferView<object>,
  { stdout, stderr }: Surroundings,
  { json, quiet }: GlobalOptions,
): TransferReport | Promise<TransferReport> {
  if (json) {
    return lineReport(bytesOnStdout ? stderr : stdout);
  }
  const text = quiet ? essence : readable;
  const print = (result: object) => printLine(bytesOnStdout ? stderr : stdout, text(result));
  const givesWay = bytesOnStdout && stdout.isTTY;
  return stderr.isTTY && !quiet ? terminalReport(stderr, { name, givesWay, print }) : quietReport(stderr, print);
}

export function buildAdminTools(running: Running, surroundings: Surroundings): AdminTools {
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
        throw new UsageError("admin commands have neither --dry-run nor --account");
      }
      return (await adminClient(options(), environment))(name, input);
    },
    readText: argumentReader(surroundings).readText,
    show: (answer, readable) => printLine(stdout, options().json ? jsonOf(answer) : readable()),
  };
}

/** For people as well as for programs; numbers of 64 bits are not rounded. */
function jsonOf(answer: unknown): string {
  return printableJson(answer, (_, value) => (typeof value === "bigint" ? exactNumber(value) : value), 2);
}

/** A file gets a document as it is. */
function printLine(stream: NodeJS.WriteStream, text: string): void {
  if (text !== "") {
    stream.write(`${stream.isTTY ? printable(text) : text}\n`);
  }
}
