import type { ByteRange } from "@moraine/protocol";
import { CorruptSegmentError } from "../domain/segment.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Clock } from "../domain/time/clock.ts";
import type { BytesOwner, Damage, DamageCounts } from "../domain/vaults/damage.ts";

/** Receives what an operator has to know of damage. */
export interface DamageLog {
  /** Called once for each damaged place, not once for each reader. */
  found(damage: Damage, cause: unknown): void;
  repaired(damage: Damage): void;
  /** A read was refused or aborted, or a job failed, since bytes are damaged. */
  met(): void;
}

export interface DamageServices {
  readonly metadata: UnrecordedMetadata;
  readonly clock: Clock;
  readonly log: DamageLog;
}

const pageRows = 100;

/** Records the damage that reads meet, and refuses ranges with known damage before their first byte. */
export class DamageReports {
  readonly #services: DamageServices;
  #counts: DamageCounts = { archives: 0, inventories: 0, segments: 0 };
  /** Without any, no read has to ask the store. Not before the first count is anything known. */
  #isAnyKnown = true;
  #changes = 0;

  constructor(services: DamageServices) {
    this.#services = services;
  }

  /** As of the last `refresh`, `report` or repair. */
  get counts(): DamageCounts {
    return this.#counts;
  }

  /** Counts again: an archive may have been deleted with its damage. */
  async refresh(): Promise<void> {
    const changes = this.#changes;
    const counts = await this.#services.metadata.countDamage();
    if (changes === this.#changes) {
      this.#counts = counts;
      this.#isAnyKnown = counts.archives + counts.inventories > 0;
    }
  }

  /**
   * Records the damage that a read met; ignores any other error.
   * @param range the bytes of the owner that were read.
   */
  async report(error: unknown, owner: BytesOwner, range: ByteRange): Promise<void> {
    if (!(error instanceof CorruptSegmentError)) {
      return;
    }
    this.#services.log.met();
    await this.record(error, owner, range);
  }

  /** Records damage that was found without anybody having asked for the bytes. */
  async record(error: CorruptSegmentError, owner: BytesOwner, range: ByteRange): Promise<void> {
    const { metadata, clock, log } = this.#services;
    const damage = {
      owner,
      range: error.place ?? (await this.#segmentRange(error.key)) ?? range,
      segmentKey: error.key,
      reason: error.reason,
      foundAt: clock.now(),
    };
    this.#isAnyKnown = true;
    if (await metadata.recordDamage(damage)) {
      log.found(damage, error.cause);
      await this.#recount();
    }
  }

  /**
   * Reads each known damaged place within the range again. What reads right is forgotten: an operator has repaired it, or the medium
   * failed only for a while. Throws CorruptSegmentError at the first place that is still damaged.
   * @param read yields the verified bytes of a range of the owner.
   */
  async recheck(ownerId: string, range: ByteRange, read: (range: ByteRange) => AsyncIterable<unknown>): Promise<void> {
    for (let known = await this.#known(ownerId, range); known.length > 0; known = await this.#known(ownerId, range)) {
      for (const damage of known) {
        if (damage.segmentKey === null) {
          // Rows are missing or wrong: only a job, which compares its whole range, can tell that they are right again.
          throw new CorruptSegmentError(null, damage.reason, { place: damage.range });
        }
        const firstByte = Math.max(range.firstByte, damage.range.firstByte);
        // One byte is enough: its segment is opened, and its MiB compared as a whole.
        await readToEnd(read({ firstByte, lastByte: firstByte }));
        await this.#forget(damage);
      }
    }
  }

  /** Forgets the known damage within a range, since every byte of the range was verified. */
  async verified(ownerId: string, range: ByteRange): Promise<void> {
    let forgotten: readonly Damage[];
    do {
      const known = await this.#known(ownerId, range);
      forgotten = known.filter((damage) => damage.segmentKey !== null || contains(range, damage.range));
      for (const damage of forgotten) {
        await this.#forget(damage);
      }
    } while (forgotten.length > 0);
  }

  async #known(ownerId: string, range: ByteRange): Promise<readonly Damage[]> {
    return this.#isAnyKnown ? this.#services.metadata.findDamage({ ownerId, range, limit: pageRows }) : [];
  }

  /** The bytes of a segment within its owner; null when nothing refers to the segment. */
  async #segmentRange(key: string | null): Promise<ByteRange | null> {
    const segment = key === null ? null : await this.#services.metadata.findSegment(key);
    return segment && { firstByte: segment.firstByte, lastByte: segment.firstByte + segment.sizeBytes - 1 };
  }

  async #forget(damage: Damage): Promise<void> {
    const { metadata, log } = this.#services;
    await metadata.removeDamage(damage);
    log.repaired(damage);
    await this.#recount();
  }

  async #recount(): Promise<void> {
    this.#changes += 1;
    await this.refresh();
  }
}

const contains = (outer: ByteRange, inner: ByteRange): boolean =>
  outer.firstByte <= inner.firstByte && inner.lastByte <= outer.lastByte;

async function readToEnd(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pieces) {
    // Reading verifies.
  }
}
