import { closeSync, openSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Random } from "../../support/random.ts";
import type { PowerCut, Survival } from "./cuts.ts";
import { type DiskEntry, readBytes } from "./disk-log.ts";
import { run } from "./file-systems.ts";

/** Blocks of a disk are written whole or not at all; smaller ones would tear what file systems take for granted. */
const blockBytes = 4096;
/** The chance of a write, or of each of its blocks, to survive. */
const chances: Readonly<Record<Survival, number>> = {
  nothing: 0,
  everything: 1,
  "some writes": 0.5,
  "some blocks": 0.7,
};

/** Makes the images that power cuts leave, of cuts later and later in the log. */
export class DiskImages {
  readonly #log: number;
  readonly #entries: readonly DiskEntry[];
  readonly #durable: readonly string[];
  readonly #random: Random;
  /** Writes that no flush of their disk has followed, by disk. */
  readonly #pending: DiskEntry[][];
  #applied = 0;
  #made = 0;

  /** @param durable images of what the disks held before; they are changed */
  constructor(log: number, entries: readonly DiskEntry[], durable: readonly string[], random: Random) {
    this.#log = log;
    this.#entries = entries;
    this.#durable = durable;
    this.#random = random;
    this.#pending = durable.map(() => []);
  }

  /** Makes an image of each disk next to the durable one. No other had its path: a loop device remembers it. */
  async make({ at, survival }: PowerCut): Promise<string[]> {
    this.#advance(at);
    this.#made += 1;
    return Promise.all(
      this.#durable.map(async (durable, disk) => {
        const image = join(dirname(durable), `state-${this.#made}-${disk}.img`);
        await rm(image, { force: true });
        await run("cp", ["--sparse=auto", durable, image]);
        this.#write(image, this.#pending[disk] ?? [], survival);
        return image;
      }),
    );
  }

  #advance(at: number): void {
    for (let entry = this.#entries[this.#applied]; entry !== undefined && entry.endsAt <= at; ) {
      const pending = this.#pending[entry.disk] ?? [];
      if (entry.kind === "write") {
        pending.push(entry);
      } else {
        this.#write(this.#durable[entry.disk] ?? "", pending.splice(0), "everything");
      }
      this.#applied += 1;
      entry = this.#entries[this.#applied];
    }
  }

  #write(image: string, writes: readonly DiskEntry[], survival: Survival): void {
    const file = openSync(image, "r+");
    try {
      for (const write of writes) {
        const bytes = readBytes(this.#log, write);
        for (const [begin, end] of survival === "some blocks" ? blocksOf(write) : [[0, bytes.length] as const]) {
          if (this.#random.fraction() < chances[survival]) {
            writeSync(file, bytes, begin, end - begin, write.offset + begin);
          }
        }
      }
    } finally {
      closeSync(file);
    }
  }
}

/** The blocks of a disk that a write touches, as places in its bytes. */
function* blocksOf({ offset, sizeBytes }: DiskEntry): Generator<readonly [begin: number, end: number]> {
  for (let begin = 0; begin < sizeBytes; ) {
    const end = Math.min(sizeBytes, begin + blockBytes - ((offset + begin) % blockBytes));
    yield [begin, end];
    begin = end;
  }
}
