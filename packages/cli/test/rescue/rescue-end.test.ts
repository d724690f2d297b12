import assert from "node:assert/strict";
import { test } from "node:test";
import { endError } from "../../src/rescue/commands/rescue-end.ts";
import type { RescueSnapshot } from "../../src/rescue/rescue-event.ts";
import { nothing } from "../../src/rescue/work.ts";

const target = "copies";

function snapshotOf(archives: { readonly selected: number; readonly verified: number; readonly failed: number }) {
  const work = (count: number) => ({ archives: count, bytes: count });
  const { selected, verified, failed } = archives;
  return {
    ...{ selected: work(selected), verified: work(verified), failed: work(failed), requested: nothing },
  } as RescueSnapshot;
}

test("a rescue succeeds only when each archive of the vault has a copy", () => {
  const done = snapshotOf({ selected: 5, verified: 5, failed: 0 });
  assert.equal(endError("done", done, { target, leftOut: 0, unlisted: 0 }), null);
  const errors = [
    endError("done", snapshotOf({ selected: 5, verified: 4, failed: 1 }), { target, leftOut: 0, unlisted: 0 }),
    endError("done", snapshotOf({ selected: 5, verified: 4, failed: 0 }), { target, leftOut: 0, unlisted: 0 }),
    endError("done", done, { target, leftOut: 2, unlisted: 0 }),
    endError("done", done, { target, leftOut: 0, unlisted: 1 }),
  ];
  assert.deepEqual(
    errors.map((error) => error?.name),
    ["SomeFailedError", "SomeFailedError", "SomeFailedError", "SomeFailedError"],
  );
  assert.match(errors[2]?.message ?? "", /^2 entries of the inventory were invalid and left out/);
  assert.match(
    errors[3]?.message ?? "",
    /but the vault has 1 archive more: the inventory is old, or a CSV that was cut off/,
  );
});
