import { setImmediate as turnOfLoop } from "node:timers/promises";
import type { Random } from "../../support/random.ts";

type Device = "disk" | "database";

interface Step {
  readonly device: Device;
  go(): void;
}

/** How much sooner than the disk the database has its turns: in one run of a seed it is slow, in another it is fast. */
const speeds = [0.02, 0.2, 1, 5];

/** Lets one of the steps that wait proceed at a time, in an order that follows from a seed. */
export class Scheduler {
  readonly #random: Random;
  readonly #weights: Readonly<Record<Device, number>>;
  readonly #waiting: Step[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#weights = { disk: 1, database: random.oneOf(speeds) ?? 1 };
  }

  /** Resolves when it is this step's turn. */
  turn(device: Device): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ device, go: resolve }));
  }

  /** Runs work to its end. In each turn of the event loop everything that can proceed does so, before the next step is chosen. */
  async run<Result>(work: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settled = work.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    while (!isSettled) {
      await turnOfLoop();
      this.#next()?.go();
    }
    return settled;
  }

  #next(): Step | undefined {
    const total = this.#waiting.reduce((sum, { device }) => sum + this.#weights[device], 0);
    let left = this.#random.fraction() * total;
    const index = this.#waiting.findIndex(({ device }) => {
      left -= this.#weights[device];
      return left < 0;
    });
    return this.#waiting.splice(Math.max(index, 0), 1)[0];
  }
}
