import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { serviceFacts } from "../../src/domain/audit.ts";
import { ContentsCount } from "../../src/health/contents-count.ts";
import { keyOf, start } from "../contract/metadata/world.ts";
import { openInlineStore } from "../support/inline-store.ts";

const minute = 60_000;

/** A store, a count of it, and a clock for the count. */
async function countOf(context: TestContext, hasAuditLog = false) {
  const store = await openInlineStore(":memory:");
  context.after(() => store.close());
  const clock = { now: 0 };
  const pages: (string | null)[] = [];
  const metadata = {
    ...store,
    sumVaults(page: Parameters<typeof store.sumVaults>[0]) {
      pages.push(page.afterId);
      return store.sumVaults(page);
    },
  };
  const count = new ContentsCount({ metadata, hasAuditLog, monotonic: () => clock.now });
  const createVaults = async (first: number, last: number) => {
    for (let number = first; number <= last; number += 1) {
      const id = String(number).padStart(5, "0");
      await store.createVault({ id, key: keyOf(`vault-${id}`), now: start });
    }
  };
  return { store, count, clock, pages, createVaults };
}

test("everything is counted at most once a minute, however often somebody asks", async (context) => {
  const { count, clock, pages, createVaults } = await countOf(context);
  await createVaults(1, 2);
  const both = await Promise.all([count.current(), count.current()]);
  assert.deepEqual(
    both.map(({ vaults }) => vaults),
    [2, 2],
  );
  await createVaults(3, 3);
  clock.now = minute - 1;
  assert.equal((await count.current()).vaults, 2);
  assert.equal(pages.length, 1);
  clock.now = minute;
  assert.equal((await count.current()).vaults, 3);
  assert.equal(pages.length, 2);
});

test("vaults are added up in pages of 1,000", async (context) => {
  const { count, pages, createVaults } = await countOf(context);
  await createVaults(1, 1000);
  assert.equal((await count.current()).vaults, 1000);
  assert.deepEqual(pages, [null, "01000"]);
});

test("a count that fails is tried again when somebody asks next", async (context) => {
  const { store, count, pages } = await countOf(context);
  await store.close();
  await assert.rejects(count.current());
  await assert.rejects(count.current());
  assert.deepEqual(pages, [null, null]);
});

test("audit entries are counted without pruned ones, and as unlogged only where there is a log", async (context) => {
  for (const [hasAuditLog, unlogged] of [
    [false, 0],
    [true, 2],
  ] as const) {
    const { store, count } = await countOf(context, hasAuditLog);
    await store.addAuditEntries([1, 2, 3].map((second) => entryAt(start + second * 1000)));
    await store.pruneAuditEntries({ recordedBefore: start + 2000, now: start + 4000, limit: 10 });
    await store.noteAuditLogged({ sequence: 2 });
    const { auditEntries, unloggedAuditEntries } = await count.current();
    assert.deepEqual([auditEntries, unloggedAuditEntries], [3, unlogged], "two of three, and one about the pruning");
  }
});

const entryAt = (time: number) => serviceFacts({ time, operation: "Test", subject: "x", reason: "y" });
