/** `starting → ready → halted`: only a restart leaves `halted`. */
export class ServiceState {
  #reason: string | null = "starting";
  #halted = false;
  readonly #onHalt: (error: Error) => void;

  constructor(onHalt: (error: Error) => void) {
    this.#onHalt = onHalt;
  }

  /** Null when the service is ready; otherwise why it is not. */
  get reason(): string | null {
    return this.#reason;
  }

  get isHalted(): boolean {
    return this.#halted;
  }

  ready(): void {
    if (!this.#halted) {
      this.#reason = null;
    }
  }

  stopping(): void {
    this.#reason ??= "stopping";
  }

  /** Acknowledged changes are safe, but whether the last change happened is unknown: only a fresh start can find out. */
  halt(reason: string, error: Error): void {
    if (!this.#halted) {
      this.#halted = true;
      this.#reason = `halted: ${reason}`;
      this.#onHalt(new Error(reason, { cause: error }));
    }
  }
}
