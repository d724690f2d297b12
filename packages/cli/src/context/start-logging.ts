import { onOneLine } from "../terminal/printable.ts";
import { shellWord } from "../terminal/shell-lines.ts";
import { globalOptionsOf } from "./global-options.ts";
import { LogFile } from "./log-file.ts";
import { traceRequests } from "./request-trace.ts";
import type { RunState } from "./running.ts";
import type { CliEnvironment } from "./tools.ts";

/** Opens the file of `--log-file`, and traces requests with `--verbose`. Returns a function that stops the trace. */
export function startLogging(
  running: RunState,
  args: readonly string[],
  { stderr, pathOf }: Pick<CliEnvironment, "stderr" | "pathOf">,
): () => void {
  const { logFile, verbose } = globalOptionsOf(running.command);
  if (logFile !== undefined) {
    running.log = new LogFile(logFile, pathOf(logFile), ({ message }) =>
      stderr.write(`moraine: warning: cannot write to the log file: ${onOneLine(message)}\n`),
    );
    running.log.write(`moraine ${args.map(shellWord).join(" ")}`);
  }
  if (!verbose) {
    return () => undefined;
  }
  return traceRequests((line) => {
    stderr.write(`moraine: ${onOneLine(line)}\n`);
    running.log?.write(line);
  });
}
