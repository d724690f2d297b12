import assert from "node:assert/strict";
import { test } from "node:test";
import { GlacierError } from "@moraine/protocol";
import fc from "fast-check";
import {
  assertAbortable,
  completeLock,
  initiateLock,
  lockInForce,
  type VaultLock,
} from "../../src/domain/vaults/vault-lock.ts";

const vaultName = "vault";
const day = 24 * 60 * 60 * 1000;

type State = "none" | "trial" | "locked";
type CallKind = "initiate" | "abort" | "get" | "completeRight" | "completeWrong";
type Call = { readonly kind: CallKind } | { readonly kind: "wait"; readonly milliseconds: number };

/** The table of docs/wire.md#vault-lock once more: the response of each call in each state, and the state after it. */
const table: Readonly<Record<State, Readonly<Record<CallKind, readonly [answer: "ok" | number, next: State]>>>> = {
  none: {
    initiate: ["ok", "trial"],
    abort: ["ok", "none"],
    get: [404, "none"],
    completeRight: [404, "none"],
    completeWrong: [404, "none"],
  },
  trial: {
    initiate: [403, "trial"],
    abort: ["ok", "none"],
    get: ["ok", "trial"],
    completeRight: ["ok", "locked"],
    completeWrong: [400, "trial"],
  },
  locked: {
    initiate: [403, "locked"],
    abort: [403, "locked"],
    get: ["ok", "locked"],
    completeRight: ["ok", "locked"],
    completeWrong: [403, "locked"],
  },
};

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom<CallKind[]>("initiate", "abort", "get", "completeRight", "completeWrong"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wait"),
      milliseconds: fc.constantFrom(1, day / 2, day - 1, day, day + 1),
    }),
  },
);

test("every sequence of calls and waits goes through the states as the table says", () => {
  fc.assert(fc.property(fc.array(call, { maxLength: 40 }), walk), { numRuns: 5000 });
});

function walk(calls: readonly Call[]): void {
  const story = new LockStory();
  for (const made of calls) {
    if (made.kind === "wait") {
      story.wait(made.milliseconds);
    } else {
      story.make(made.kind);
    }
    story.assertShown();
  }
}

/** A lock, and the state that the table gives it. */
class LockStory {
  #lock: VaultLock | null = null;
  #state: State = "none";
  #now = 0;
  #begun = 0;
  #ids = 0;

  wait(milliseconds: number): void {
    this.#now += milliseconds;
    if (this.#state === "trial" && this.#now - this.#begun >= day) {
      this.#state = "none";
    }
  }

  make(kind: CallKind): void {
    this.#ids += 1;
    const before = this.#lock;
    const [answer, after] = outcome(before, kind, { lockId: `${this.#ids}`, now: this.#now });
    const [expected, next] = table[this.#state][kind];
    assert.equal(answer, expected, `${kind} in ${this.#state}`);
    if (before?.state === "locked") {
      assert.deepEqual(after, before);
    }
    if (this.#state === "none" && next === "trial") {
      this.#begun = this.#now;
    }
    this.#lock = after;
    this.#state = next;
  }

  assertShown(): void {
    const shown = lockInForce(this.#lock, this.#now)?.state ?? "none";
    assert.equal(shown, this.#state === "trial" ? "in_progress" : this.#state);
  }
}

/** Does what the store and the operations do with the rules; the row is left as it is when a call is refused. */
function outcome(
  lock: VaultLock | null,
  kind: CallKind,
  { lockId, now }: { lockId: string; now: number },
): ["ok" | number, VaultLock | null] {
  try {
    switch (kind) {
      case "initiate":
        return ["ok", initiateLock(lock, { lockId, policy: `policy ${lockId}`, vaultName, now })];
      case "abort":
        assertAbortable(lock, vaultName);
        return ["ok", null];
      case "completeRight":
        return ["ok", completeLock(lock, { lockId: lock?.lockId ?? "none", vaultName, now })];
      case "completeWrong":
        return ["ok", completeLock(lock, { lockId: "wrong", vaultName, now })];
      case "get":
        return [lockInForce(lock, now) === null ? 404 : "ok", lock];
    }
  } catch (error) {
    assert.ok(error instanceof GlacierError);
    return [error.status, lock];
  }
}
