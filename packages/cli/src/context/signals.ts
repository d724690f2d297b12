import { isatty } from "node:tty";
import { InterruptedError, interruptionCode, interruptions, OutputError } from "../exit-codes.ts";

/**
 * Aborted by the first request to end, so that whatever runs leaves things in order. The second one ends the process at once.
 *
 * A hangup ends nothing without a terminal: Node has forgotten by now that `nohup` had it ignored. With one, it counts as the first
 * request only, since the kernel and the shell both send it.
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
  // A terminal or a log that is closed must not end a transfer: what is said there is lost, and nothing else.
  running.stderr.on("error", () => undefined);
  return controller.signal;
}

/**
 * Lets a process that was interrupted end by the signal itself, once it ends. Shells make 128 + its number of that, as of an exit
 * code; but systemd takes only the signal for a success, and loops of bash end by it alone.
 */
export function endBySignal(running: NodeJS.Process, exitCode: number): void {
  const name = interruptions.find((one) => interruptionCode(one) === exitCode);
  if (name !== undefined) {
    running.once("exit", () => {
      running.removeAllListeners(name);
      // The first process of a container cannot be ended so: it exits with the code.
      running.kill(running.pid, name);
    });
  }
}
