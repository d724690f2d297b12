import { endOf } from "../exit-codes.ts";
import { plainReport } from "../terminal/plain-report.ts";
import { onOneLine, printLine } from "../terminal/printable.ts";
import { lineReport, quietReport, type TransferReport, terminalReport } from "../transfers/transfer-report.ts";
import type { GlobalOptions } from "./global-options.ts";
import type { LogFile } from "./log-file.ts";
import type { RunState } from "./running.ts";
import type { CliEnvironment, CommandContext, TransferView } from "./tools.ts";

export function transferRunner(
  running: RunState,
  surroundings: CliEnvironment,
  options: () => GlobalOptions,
): CommandContext["transfer"] {
  return async (view, run) => {
    const shown = await reportFor(view as TransferView<object>, surroundings, options());
    const report = running.log === null ? shown : both(shown, logReport(running.log, view as TransferView<object>));
    running.isOutput = view.bytesOnStdout ?? false;
    try {
      const result = await run({ signal: surroundings.signal, onEvent: report.onEvent });
      running.unprinted = view.unprinted?.(result) ?? null;
      report.done(result);
      return result;
    } catch (thrown) {
      const error = endOf(thrown, surroundings.signal);
      running.resumeHint = view.resumeHint();
      report.failed(error);
      throw error;
    }
  };
}

function reportFor(
  { name, bytesOnStdout = false, readable, quietOutput = () => "" }: TransferView<object>,
  { stdout, stderr }: CliEnvironment,
  { json, quiet, verbose }: GlobalOptions,
): TransferReport | Promise<TransferReport> {
  if (json) {
    return lineReport(bytesOnStdout ? stderr : stdout);
  }
  const text = quiet ? quietOutput : readable;
  const print = (result: object) => printLine(bytesOnStdout ? stderr : stdout, text(result));
  const write = (line: string) => void stderr.write(`moraine: ${onOneLine(line)}\n`);
  if (quiet) {
    return quietReport(write, print);
  }
  const givesWay = bytesOnStdout && stdout.isTTY;
  return stderr.isTTY && !verbose
    ? terminalReport(stderr, { name, givesWay, print })
    : plainReport({ name, isVerbose: verbose ?? false, write, print });
}

function logReport(log: LogFile, { name, readable }: TransferView<object>): TransferReport {
  const print = (result: object) => {
    for (const line of readable(result).split("\n").filter(Boolean)) {
      log.write(line);
    }
  };
  return plainReport({ name, isVerbose: true, write: (line) => log.write(line), print });
}

function both(one: TransferReport, other: TransferReport): TransferReport {
  return {
    onEvent(event) {
      one.onEvent(event);
      other.onEvent(event);
    },
    done(result) {
      other.done(result);
      one.done(result);
    },
    failed(error) {
      one.failed(error);
      other.failed(error);
    },
  };
}
