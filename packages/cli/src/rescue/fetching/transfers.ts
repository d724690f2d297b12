import type { CatalogArchive } from "../../catalog/archives/archive-row.ts";
import { chargeTransfer, refundTransfer } from "../costs/charges.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import { isLarge, type ReadyArchive } from "./ready-queue.ts";

type Parts = Pick<RescueParts, "money" | "catalog" | "limits">;

/** Bytes that are paid for at once, of those that are received again. */
const againBytes = 64 * 1024 ** 2;

/** The transfers of outputs. Each is paid for before it begins, and what is received again is paid for again. */
export class Transfers {
  readonly #parts: Parts;
  readonly #state: RescueState;
  /** Large archives of which this run has received all that is paid for, by their numbers. Few: each of them is near the cap. */
  readonly #tooDear = new Set<number>();

  constructor(parts: Parts, state: RescueState) {
    this.#parts = parts;
    this.#state = state;
  }

  /** Begins a transfer; null if it would make the costs exceed the cap. */
  begin(ready: ReadyArchive): Transfer | null {
    const { archive, job } = ready;
    const { catalog } = this.#parts;
    const { number, sizeBytes } = archive;
    const isOwed = catalog.unpaid.has(number);
    const left = isOwed ? sizeBytes : (catalog.unpaid.leftOf(number, job.jobId) ?? sizeBytes);
    // The next run may find that the target has all of it.
    const again = !isOwed && this.#tooDear.has(number) ? stepOf(archive, 1) : 0;
    const charged = isOwed ? sizeBytes : again;
    const isCharged = catalog.change(() => {
      if (charged > 0 && !chargeTransfer(this.#parts, this.#state, charged)) {
        return false;
      }
      // A small one that a kill interrupts has to be received again, whole.
      if (isLarge(archive)) {
        catalog.unpaid.delete(number);
      } else {
        catalog.unpaid.add(number);
      }
      return true;
    });
    if (!isCharged) {
      return null;
    }
    this.#tooDear.delete(number);
    return new Transfer(this.#parts, this.#state, ready, { isOwed, left: left + again, tooDear: this.#tooDear });
  }
}

const stepOf = ({ sizeBytes }: CatalogArchive, missing: number): number =>
  Math.max(missing, Math.min(sizeBytes, againBytes));

/** One attempt to receive an output. */
export class Transfer {
  /** Receiving bytes again would cost more than the cap allows: the attempt is to end. */
  isTooDear = false;
  receivedBytes = 0;
  /** Aborts once it is too dear. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }
  readonly #stop = new AbortController();
  readonly #parts: Parts;
  readonly #state: RescueState;
  readonly #archive: CatalogArchive;
  readonly #jobId: string;
  /** It was paid for by this attempt, and not with its job. */
  readonly #isOwed: boolean;
  /** Bytes that are paid for, and not received. */
  #left: number;
  readonly #tooDear: Set<number>;

  constructor(
    parts: Parts,
    state: RescueState,
    { archive, job }: ReadyArchive,
    { isOwed, left, tooDear }: { readonly isOwed: boolean; readonly left: number; readonly tooDear: Set<number> },
  ) {
    this.#parts = parts;
    this.#state = state;
    this.#archive = archive;
    this.#jobId = job.jobId;
    this.#isOwed = isOwed;
    this.#left = left;
    this.#tooDear = tooDear;
    this.#state.refundable += isOwed ? 1 : 0;
  }

  /** Counts bytes, and pays for those beyond the archive's. */
  received(count: number): void {
    if (this.receivedBytes === 0 && count > 0) {
      this.#unsettle();
    }
    this.receivedBytes += count;
    this.#left -= count;
    if (this.#left < 0 && !this.isTooDear) {
      this.#payAgain();
    }
  }

  succeeded(): void {
    if (this.receivedBytes === 0) {
      this.#unsettle();
      this.#refund();
    }
  }

  /** @param isLive whether the job is still the archive's: another one was charged with a transfer of its own */
  failed(isLive: boolean): void {
    if (this.receivedBytes === 0) {
      this.#takeBack(isLive);
    }
    // A small one is received again, whole.
    if (!isLarge(this.#archive)) {
      return;
    }
    const { number, sizeBytes } = this.#archive;
    if (this.isTooDear) {
      this.#tooDear.add(number);
    }
    if (isLive && this.#left < sizeBytes) {
      this.#parts.catalog.unpaid.setLeft(number, { jobId: this.#jobId, bytes: Math.max(0, this.#left) });
    }
  }

  /** Undoes what `Transfers.begin` has recorded. */
  #takeBack(isLive: boolean): void {
    const { unpaid } = this.#parts.catalog;
    const { number } = this.#archive;
    this.#unsettle();
    this.#parts.catalog.change(() => {
      this.#refund();
      if (isLive && this.#isOwed) {
        unpaid.add(number);
      } else if (isLive) {
        unpaid.delete(number);
      }
    });
  }

  #payAgain(): void {
    const step = stepOf(this.#archive, -this.#left);
    if (chargeTransfer(this.#parts, this.#state, step)) {
      this.#left += step;
      return;
    }
    this.isTooDear = true;
    this.#stop.abort(new Error("receiving it again would cost more than --max-cost allows"));
  }

  /** A charge is final once a byte was received. */
  #unsettle(): void {
    this.#state.refundable -= this.#isOwed ? 1 : 0;
  }

  #refund(): void {
    if (this.#isOwed) {
      refundTransfer(this.#parts, this.#state, this.#archive.sizeBytes);
    }
  }
}
