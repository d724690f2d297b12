import { isatty } from "node:tty";
import { InterruptedError, interruptionCode, interruptions, OutputError } from "../exit-codes.ts";

/**
 * Returns a signal that the first request to end aborts, so that the command can shut down in order. The second request ends the process at once.
 *
 * Without a terminal a hangup is ignored: Node does not preserve that `nohup` ignores it. With a terminal it counts only as a first request,
 * since the kernel and the shell both send it.
 */
export function requestToEnd(running: NodeJS.Process): AbortSignal {
  const controller = new AbortController();
  const hasTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  for (const name of interruptions) {
    running.on(name, () => {
      const isHangup = name === "SIGHUP";
      if (isHangup && !hasTerminal) {
        return;
      }
      if (controller.signal.aborted && !isHangup) {
        running.exitCode = interruptionCode(name);
        endBySignal(running, running.exitCode);
        running.exit();
      }
      controller.abort(new InterruptedError(name));
    });
  }
  running.stdout.on("error", (cause) => controller.abort(new OutputError(cause)));
  // A closed terminal or log must not end a transfer: only the messages are lost.
  running.stderr.on("error", () => undefined);
  return controller.signal;
}

/**
 * Makes an interrupted process end by the signal itself. Shells report that as 128 + its number, like an exit code. But systemd
 * counts only the signal as a success, and bash ends a loop only for it.
 */
export function endBySignal(running: NodeJS.Process, exitCode: number): void {
  const name = interruptions.find((one) => interruptionCode(one) === exitCode);
  if (name !== undefined) {
    running.once("exit", () => {
      running.removeAllListeners(name);
      // The first process of a container cannot be ended by a signal of its own: it exits with the code.
      running.kill(running.pid, name);
    });
  }
}
