import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyMemory } from "../../src/http/body/body-memory.ts";

/** A memory of 1,000 bytes; each lease notes when it has to give way. */
function memoryOf() {
  const memory = new BodyMemory(1000);
  const evicted: string[] = [];
  const lease = (source: string, { isVerified = false, name = source } = {}) =>
    memory.lease(source, isVerified, () => evicted.push(name));
  return { memory, evicted, lease };
}

test("the largest body of the source that holds the most gives way", () => {
  const { memory, evicted, lease } = memoryOf();
  lease("honest").grow(300);
  lease("greedy", { name: "small" }).grow(200);
  lease("greedy", { name: "large" }).grow(250);
  lease("late").grow(260);
  assert.deepEqual(evicted, ["large"]);
  assert.equal(memory.sizeBytes, 760);
});

test("a body that is itself the largest is evicted", () => {
  const { memory, evicted, lease } = memoryOf();
  lease("honest").grow(400);
  const greedy = lease("greedy");
  greedy.grow(500);
  assert.throws(() => greedy.grow(700), { code: "ServiceUnavailableException", status: 503 });
  assert.deepEqual(evicted, ["greedy"]);
  assert.equal(memory.sizeBytes, 400);
});

test("callers that are verified keep their bodies, however little strangers hold", () => {
  const { evicted, lease } = memoryOf();
  lease("user", { isVerified: true }).grow(900);
  lease("stranger").grow(50);
  lease("user", { isVerified: true }).grow(60);
  assert.deepEqual(evicted, ["stranger"]);
});

test("a complete body does not give way, and is counted until it is released", () => {
  const { memory, evicted, lease } = memoryOf();
  const complete = lease("greedy", { name: "complete" });
  complete.grow(800);
  complete.settle();
  lease("honest").grow(100);
  const other = lease("other");
  assert.throws(() => other.grow(150), { code: "ServiceUnavailableException", status: 503 });
  assert.deepEqual(evicted, ["other"]);
  complete.release();
  complete.release();
  assert.equal(memory.sizeBytes, 100);
});
