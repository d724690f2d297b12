import { sleep } from "../clock/sleep.ts";

/** Something that is done again and again, and tried again when it fails. */
export interface Repeated {
  /** Null while it works; otherwise what an operator should know. */
  warning(): string | null;
  /** Does it once more, and ends. */
  stop(): Promise<void>;
}

export interface RepeatedOptions {
  readonly pauseMilliseconds: number;
  /** Completes the sentence "… failed". */
  readonly name: string;
  run(): Promise<void>;
  warn(error: unknown, message: string): void;
  noteRecovery(message: string): void;
}

/** Reports a failure once, until it works again. */
export function repeat({ pauseMilliseconds, name, run, warn, noteRecovery }: RepeatedOptions): Repeated {
  const stopping = new AbortController();
  let failure: string | null = null;
  const once = async () => {
    try {
      await run();
      if (failure !== null) {
        noteRecovery(`${name} works again`);
      }
      failure = null;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (failure === null) {
        warn(error, `${name} failed; tried again`);
      }
      failure = `${name} fails: ${message}`;
    }
  };
  const loop = async () => {
    while (!stopping.signal.aborted) {
      await once();
      await sleep(pauseMilliseconds, stopping.signal, { ref: false });
    }
    await once();
  };
  const ended = loop();
  return {
    warning: () => failure,
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}
