import { sleep } from "../../../clock/sleep.ts";
import { BlobStoreUnavailableError } from "../../../domain/stores/blob-store.ts";

export interface CircuitOptions {
  /** Rejects while the store is away. */
  readonly probe: () => Promise<void>;
  /** Called when the store is found to be away, with the reason, and with null when it is back. */
  readonly onChange: (reason: string | null) => void;
  /** @default 1000 */
  readonly probeMilliseconds?: number;
  /** The store is probed when nothing was stored for this long. @default 20000 */
  readonly idleMilliseconds?: number;
}

const failuresInARowMax = 3;
/** The pause doubles up to this many times the first one. */
const pauseFactorMax = 8;

/**
 * Watches what is stored. After some failures in a row the store counts as away, and nothing new is accepted: clients learn at once
 * that they have to wait. Then a probe finds out when it is back. Probes take the place of uploads while there are none: a balancer must
 * not send the first ones to a node that has lost its store.
 */
export class Circuit {
  readonly #options: CircuitOptions;
  readonly #stopping = new AbortController();
  #failuresInARow = 0;
  #reason: string | null = null;
  #probing: Promise<void> | null = null;
  #watching: Promise<void> | null = null;
  #lastStep = performance.now();

  constructor(options: CircuitOptions) {
    this.#options = options;
  }

  /** Why the store counts as away; null while it does not. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Begins to probe a store that is not used. */
  start(): void {
    this.#watching ??= this.#watchIdle();
  }

  assertClosed(): void {
    if (this.#reason !== null) {
      throw new BlobStoreUnavailableError(this.#reason);
    }
  }

  /** Runs a step of an upload. */
  async watch<Result>(step: () => Promise<Result>): Promise<Result> {
    try {
      const result = await step();
      this.#failuresInARow = 0;
      return result;
    } catch (error) {
      this.#failuresInARow += 1;
      if (this.#failuresInARow >= failuresInARowMax && this.#reason === null && !this.#stopping.signal.aborted) {
        this.#reason = `read-only: ${(error as Error).message}`;
        this.#options.onChange(this.#reason);
        this.#probing = this.#untilBack();
      }
      throw error;
    } finally {
      this.#lastStep = performance.now();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    await this.#probing;
  }

  async #watchIdle(): Promise<void> {
    const { probe, probeMilliseconds = 1000, idleMilliseconds = 20_000 } = this.#options;
    // After a failure the next probe follows soon, whoever met it.
    const pause = () => (this.#failuresInARow === 0 ? idleMilliseconds : probeMilliseconds);
    while (await sleep(pause() * (0.5 + Math.random() / 2), this.#stopping.signal, { ref: false })) {
      if (this.#reason === null && performance.now() - this.#lastStep >= pause() / 2) {
        await this.watch(probe).catch(() => undefined);
      }
    }
  }

  async #untilBack(): Promise<void> {
    const { probe, onChange, probeMilliseconds = 1000 } = this.#options;
    for (let factor = 1; ; factor = Math.min(2 * factor, pauseFactorMax)) {
      // Nodes that lost the store together do not return to it together.
      const pause = probeMilliseconds * factor * (0.5 + Math.random() / 2);
      if (!(await sleep(pause, this.#stopping.signal))) {
        return;
      }
      const isBack = await probe().then(
        () => true,
        () => false,
      );
      if (isBack) {
        this.#failuresInARow = 0;
        this.#reason = null;
        onChange(null);
        return;
      }
    }
  }
}
