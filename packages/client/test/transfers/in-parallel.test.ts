import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { inParallel } from "../../src/transfers/in-parallel.ts";

const never = new AbortController().signal;

test("as many tasks run at once as the concurrency allows", async () => {
  let atWork = 0;
  let most = 0;
  const done: number[] = [];
  const work = async (item: number) => {
    most = Math.max(most, ++atWork);
    await sleep(item % 3);
    atWork -= 1;
    done.push(item);
  };
  await inParallel(Array(20).keys(), 4, work, never);
  assert.equal(most, 4);
  assert.equal(done.length, 20);
});

test("the first failure stops the others, and is thrown when they have ended", async () => {
  let begun = 0;
  let ended = 0;
  const work = async (item: number, signal: AbortSignal) => {
    begun += 1;
    if (item === 2) {
      throw new Error("two");
    }
    await sleep(10_000, undefined, { signal }).finally(() => {
      ended += 1;
    });
  };
  await assert.rejects(inParallel(Array(9).keys(), 4, work, never), { message: "two" });
  assert.equal(ended, begun - 1);
  assert.ok(begun < 9);
});

test("a failure does not wait for a source that is silent", async () => {
  const silent = async function* () {
    yield 1;
    await new Promise(() => undefined);
  };
  const fail = () => Promise.reject(new Error("one"));
  await assert.rejects(inParallel(silent(), 4, fail, never), { message: "one" });
});

test("the source's error is thrown", async () => {
  const broken = async function* () {
    yield 1;
    throw new Error("source");
  };
  await assert.rejects(
    inParallel(broken(), 4, () => Promise.resolve(), never),
    { message: "source" },
  );
});

test("memory does not grow with the number of items, even while one of them takes long", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const heapMebibytes = () => {
    collect();
    return process.memoryUsage().heapUsed / 1024 ** 2;
  };
  const items = async function* () {
    yield* Array(200_000).keys();
  };
  const long = Promise.withResolvers<void>();
  const before = heapMebibytes();
  let grown = 0;
  const work = async (item: number) => {
    if (item === 0) {
      await long.promise;
    } else if (item === 199_999) {
      grown = heapMebibytes() - before;
      long.resolve();
    }
  };
  await inParallel(items(), 4, work, never);
  assert.ok(grown < 10, `${grown} MiB`);
});

test("no item is taken before its work can begin", async () => {
  let taken = 0;
  let done = 0;
  const items = function* () {
    for (taken = 1; taken <= 20; taken += 1) {
      yield taken;
    }
  };
  const work = async () => {
    assert.ok(taken - done <= 3);
    await sleep(1);
    done += 1;
  };
  await inParallel(items(), 3, work, never);
  assert.equal(done, 20);
});
