import assert from "node:assert/strict";
import { test } from "node:test";
import { builtInPrices } from "../../src/pricing/built-in-prices.ts";
import { gigabyteBytes } from "../../src/pricing/price-table.ts";
import { pricesOf } from "../../src/pricing/read-prices.ts";
import { Money } from "../../src/rescue/costs/money.ts";
import { isLarge, ReadyQueue } from "../../src/rescue/fetching/ready-queue.ts";
import { Transfers } from "../../src/rescue/fetching/transfers.ts";
import { type RescueParts, RescueState } from "../../src/rescue/rescue-state.ts";
import { archiveOfNumber, idOfNumber, temporaryCatalog } from "../support/catalogs.ts";
import { idleSchedule } from "../support/idle-schedule.ts";

// Transfers that count for a cost cap, over kills and repeated attempts.

const jobId = "job";
/** A dollar for each kilobyte. */
const prices = {
  ...pricesOf(builtInPrices, "us-east-1"),
  egress: [{ upToGb: null, perGb: gigabyteBytes / 1000 }],
};
const mebibyte = 1024 ** 2;

/** An archive with a job that is paid for, and the transfers of processes that follow each other. */
class Processes implements Disposable {
  readonly #opened = temporaryCatalog();
  readonly money = new Money(prices, this.catalog.costs);

  constructor(sizeBytes: number) {
    this.catalog.archives.addUploaded(archiveOfNumber(1, { sizeBytes }));
    this.catalog.jobs.requested(1, jobId, "Bulk", new Date(0));
  }

  get catalog() {
    return this.#opened.catalog;
  }

  get ready() {
    const [archive, job] = [this.catalog.archives.get(idOfNumber(1)), this.catalog.jobs.of(1)];
    assert.ok(archive !== null && job !== null);
    return { archive, job };
  }

  next(costMax: number | null = null): Transfers {
    const limits = { tier: "Bulk", fallbackTier: null, retrievalBytesPerHour: null, costMax } as const;
    const schedule = { ...idleSchedule, spentUsd: this.money.spentUsd() };
    const state = new RescueState(schedule, { onEvent: () => undefined, now: () => 0 });
    return new Transfers({ money: this.money, catalog: this.catalog, limits }, state);
  }

  [Symbol.dispose](): void {
    this.#opened[Symbol.dispose]();
  }
}

test("a small output that a kill interrupts is paid for again by the next run, and not beyond the cap", () => {
  using processes = new Processes(1000);
  processes.next().begin(processes.ready);
  assert.equal(processes.money.spentUsd(), 0, "its job was paid for with a transfer");
  assert.equal(processes.next(0.5).begin(processes.ready), null);
  assert.ok(processes.next(1.5).begin(processes.ready));
  assert.equal(processes.money.spentUsd(), 1);
});

test("a large output that a kill interrupts is not paid for again: its parts are kept", () => {
  using processes = new Processes(33 * mebibyte);
  assert.ok(isLarge(processes.ready.archive));
  processes.next().begin(processes.ready);
  processes.next().begin(processes.ready);
  assert.equal(processes.money.spentUsd(), 0);
});

test("an attempt without a byte costs nothing, and one that received some makes the next one cost", () => {
  using processes = new Processes(1000);
  const transfers = processes.next();
  for (const [received, spentUsd] of [
    [0, 0],
    [300, 0],
    [0, 0],
    [1000, 1],
    [0, 1],
  ] as const) {
    const transfer = transfers.begin(processes.ready);
    assert.ok(transfer);
    transfer.received(received);
    transfer.failed(true);
    assert.equal(processes.money.spentUsd(), spentUsd, `after ${received} bytes`);
  }
});

test("bytes beyond an archive's are paid for as they come, until that is too dear", () => {
  using processes = new Processes(1000);
  const transfer = processes.next(1.5).begin(processes.ready);
  assert.ok(transfer);
  transfer.received(1000);
  transfer.received(500);
  assert.equal(processes.money.spentUsd(), 1);
  transfer.received(501);
  assert.equal(transfer.isTooDear, true);
  assert.equal(transfer.signal.aborted, true);
});

test("a queue may postpone any number of outputs", () => {
  using processes = new Processes(1000);
  const queue = new ReadyQueue({ now: () => 5 } as RescueParts, {} as RescueState);
  const { ready } = processes;
  for (let count = 0; count < 200_000; count += 1) {
    queue.postpone(ready, count);
  }
  assert.equal(queue.nextDueAt, 5);
});
