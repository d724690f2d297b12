import assert from "node:assert/strict";
import { test } from "node:test";
import { type CheckedCopies, copyCheck } from "../../src/emptying/copy-check.ts";
import { type CopyState, TargetUnavailableError, UncheckableError } from "../../src/targets/target.ts";

const archive = {
  ...{ number: 1, archiveId: "id", sizeBytes: 1, createdAt: new Date(0) },
  copy: { location: "a", sizeBytes: 1, treeHash: "", sha256: null },
};
const { signal } = new AbortController();

/** Checks a copy, whose target gives these outcomes one after the other. */
async function checked(...outcomes: ReadonlyArray<CopyState | Error>) {
  const notes: string[] = [];
  const rest = outcomes.values();
  const target = {
    url: "s3://bucket/a",
    async check() {
      const outcome = rest.next().value;
      if (outcome instanceof Error) {
        throw outcome;
      }
      return outcome;
    },
  };
  const source = { target } as unknown as CheckedCopies["source"];
  const mayDelete = copyCheck({ source, checksCopies: true }, { note: (_event, sentence) => notes.push(sentence) });
  const answers: boolean[] = [];
  for (const _ of outcomes) {
    answers.push(await mayDelete(archive, signal));
  }
  return { answers, notes };
}

test("a copy that is not sound keeps its archive", async () => {
  const { answers, notes } = await checked("sound", "missing", "changed");
  assert.deepEqual(answers, [true, false, false]);
  assert.deepEqual(notes, ["kept id: its copy a is missing", "kept id: its copy a is changed"]);
});

test("a copy that cannot be read keeps its archive, and those after it are checked", async () => {
  const { answers, notes } = await checked(
    new TargetUnavailableError("EIO"),
    "sound",
    new UncheckableError("in a cold class"),
    "sound",
  );
  assert.deepEqual(answers, [false, true, false, true]);
  assert.deepEqual(notes, [
    "kept id: its copy a is not checked: EIO",
    "kept id: its copy a is not checked: in a cold class",
  ]);
});

test("a target of which no copy can be checked yet ends the work at once", async () => {
  await assert.rejects(checked(new UncheckableError("no inventory yet", { isOfAll: true })), /no inventory yet/);
  const cold = Array.from({ length: 20 }, () => new UncheckableError("in a cold class"));
  await assert.rejects(checked(...cold), /in a cold class/);
});

test("many copies in a row that cannot be read end the work, as does any other error", async () => {
  const unavailable = Array.from({ length: 20 }, () => new TargetUnavailableError("the disk is gone"));
  await assert.rejects(checked(...unavailable), /the disk is gone/);
  await checked(...unavailable.slice(1), "sound", ...unavailable.slice(1));
  await assert.rejects(checked(new TypeError("a bug")), /a bug/);
});
