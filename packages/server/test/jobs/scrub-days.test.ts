import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { ManualClock } from "../../src/clock/clocks.ts";
import type { Segment } from "../../src/domain/segment.ts";
import type { UncachedReader } from "../../src/domain/stores/blob-store.ts";
import type { MetadataStore } from "../../src/domain/stores/metadata-store.ts";
import type { Vault } from "../../src/domain/vaults/vault.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { MemoryBlobStore } from "../support/memory-blobs.ts";
import { scrubOf, storeArchive, vaultOf } from "../support/scrubbed-store.ts";
import { dayMilliseconds, hourMilliseconds, startTime } from "../support/server.ts";

const days = 90;
const stepHours = 3;
const oldArchives = 120;
/** Damage is read three times before it is believed: a server that is always stopped within these reads never finds it. */
const stopsInARowMax = 3;

/** A generator of 32 bits after xorshift, so that a printed seed repeats a run. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  chance(share: number): boolean {
    return this.#next() < share;
  }

  below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  #next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) / 2 ** 32;
  }
}

/** Aborts a signal when a number of segments has been opened. */
class StoppingBlobStore extends MemoryBlobStore {
  #opensLeft = Number.POSITIVE_INFINITY;
  #stopping = new AbortController();

  stopAfter(opens: number): AbortSignal {
    this.#opensLeft = opens;
    this.#stopping = new AbortController();
    return this.#stopping.signal;
  }

  override openUncached(key: string): Promise<UncachedReader> {
    this.#opensLeft -= 1;
    if (this.#opensLeft === 0) {
      this.#stopping.abort();
    }
    return super.openUncached(key);
  }
}

/** A store over months: archives come in, bits flip, and the server is restarted and stopped in the middle. */
class Months {
  readonly counts = { old: 0, new: 0, starts: 0, stops: 0 };
  readonly clock = new ManualClock(startTime);
  readonly #random: Random;
  readonly #blobs: StoppingBlobStore;
  readonly #metadata: MetadataStore;
  readonly #vault: Vault;
  readonly #sound: Segment[] = [];
  #flips: { readonly segment: Segment; readonly foundBy: number }[] = [];
  #server: ReturnType<typeof scrubOf>;
  #stopsInARow = 0;

  constructor(seed: number, metadata: MetadataStore, vault: Vault) {
    this.#random = new Random(seed);
    this.#blobs = new StoppingBlobStore(Number.POSITIVE_INFINITY, String(seed));
    this.#metadata = metadata;
    this.#vault = vault;
    this.#server = this.#start();
  }

  async fill(): Promise<void> {
    for (let index = 0; index < oldArchives; index += 1) {
      this.#sound.push(await this.#store(5000));
      if (this.#random.chance(0.3)) {
        this.#server = this.#start();
      }
    }
  }

  async step(isLate: boolean): Promise<void> {
    const stopped = this.#random.chance(0.3) && this.#stopsInARow < stopsInARowMax;
    const signal = this.#blobs.stopAfter(stopped ? 1 + this.#random.below(3) : Number.POSITIVE_INFINITY);
    await this.#server.scrub.round(signal);
    this.counts.stops += signal.aborted ? 1 : 0;
    this.#stopsInARow = signal.aborted ? this.#stopsInARow + 1 : 0;
    if (signal.aborted || this.#random.chance(0.05)) {
      this.#server = this.#start();
      await this.#server.scrub.round(this.#blobs.stopAfter(2));
    }
    if (this.#random.chance(0.1)) {
      await this.#storeNew();
    }
    if (this.#random.chance(0.06) && !isLate) {
      const [segment] = this.#sound.splice(this.#random.below(this.#sound.length), 1);
      assert.ok(segment !== undefined);
      this.#flip(segment, 30 * dayMilliseconds);
      this.counts.old += 1;
    }
    this.clock.advance(stepHours * hourMilliseconds);
  }

  /** Asserts that the flipped bits were found in time, and nothing else. */
  async check(): Promise<void> {
    const rows = await this.#metadata.listDamage({ after: null, limit: 1000 });
    const known = new Set(rows.map((row) => row.segmentKey));
    this.#flips = this.#flips.filter(({ segment }) => !known.has(segment.key));
    assert.deepEqual(
      this.#flips.filter(({ foundBy }) => this.clock.now() > foundBy),
      [],
    );
    assert.equal(this.#sound.filter(({ key }) => known.has(key)).length, 0);
  }

  #start() {
    this.counts.starts += 1;
    this.#blobs.changeShelf();
    return scrubOf({ metadata: this.#metadata, blobs: this.#blobs, clock: this.clock });
  }

  async #storeNew(): Promise<void> {
    const segment = await this.#store(20_000);
    if (this.#random.chance(0.3)) {
      this.#flip(segment, dayMilliseconds);
      this.counts.new += 1;
    } else {
      this.#sound.push(segment);
    }
  }

  #store(sizeBytesMax: number): Promise<Segment> {
    const bytes = Buffer.alloc(1 + this.#random.below(sizeBytesMax), this.#random.below(256));
    const into = { metadata: this.#metadata, blobs: this.#blobs, vault: this.#vault };
    return storeArchive(into, bytes, this.clock.now());
  }

  #flip(segment: Segment, withinMilliseconds: number): void {
    this.#blobs.flipBit(segment.key, this.#random.below(segment.sizeBytes), this.#random.below(8));
    this.#flips.push({ segment, foundBy: this.clock.now() + withinMilliseconds });
  }
}

test("over 90 days a flipped bit is found within 30 days in old data, and within 24 hours in new data", async (t) => {
  const seed = Number(process.env["SCRUB_SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`SCRUB_SEED=${seed}`);
  const metadata = await openInlineStore(":memory:");
  t.after(() => metadata.close());
  const months = new Months(seed, metadata, await vaultOf(metadata, startTime));
  await months.fill();
  const end = startTime + days * dayMilliseconds;
  while (months.clock.now() < end) {
    await months.step(months.clock.now() > end - 30 * dayMilliseconds);
    await months.check();
  }
  t.diagnostic(JSON.stringify(months.counts));
  assert.ok(Object.values(months.counts).every((count) => count >= 5));
});
