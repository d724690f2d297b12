import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { memoryFolder, temporaryFolder } from "../../../../test/support/temporary-folder.ts";
import { type CheckFinding, checkExitCode } from "../../src/manifest/check/check-result.ts";
import { type CheckOptions, checkTarget } from "../../src/manifest/check-target.ts";
import { lineOf } from "../../src/manifest/manifest-entry.ts";
import { FolderTarget } from "../../src/targets/folder/folder-target.ts";
import { type Target, TargetUnavailableError, UncheckableError } from "../../src/targets/target.ts";
import { entryFor } from "../support/manifest-entries.ts";

const never = new AbortController().signal;

/** A folder with files, all of which are in its manifest. */
async function targetWith(names: readonly string[]) {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder(memoryFolder));
  const root = join(path, "target");
  const target = stack.use(await FolderTarget.open(root, { create: true }));
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), name);
  }
  await target.documents.append(
    "MANIFEST.jsonl",
    names.map((name) => lineOf(entryFor(name, Buffer.from(name)))).join(""),
  );
  const whole = stack.move();
  const journal = join(path, "check.sqlite");
  const reads: string[] = [];
  /** Checks the folder, by way of a target that may be changed, and returns the findings. */
  const check = async (change: Partial<Target> = {}, options: Partial<CheckOptions> = {}) => {
    const findings: CheckFinding[] = [];
    reads.length = 0;
    const watched: Pick<Target, "url" | "documents" | "list" | "check"> = {
      url: root,
      documents: target.documents,
      list: (signal) => target.list(signal),
      check(copy, signal) {
        reads.push(copy.location);
        return target.check(copy, signal);
      },
      ...change,
    };
    const result = await checkTarget(watched, {
      journal,
      trustedKey: null,
      signal: never,
      onFinding: (finding) => findings.push(finding),
      onProgress: () => undefined,
      ...options,
    });
    const words = findings.map(({ finding, location }) => `${finding} ${location}`).sort(byText);
    return { result, findings, words, code: checkExitCode(result) };
  };
  return { root, target, journal, reads, check, [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose]() };
}

const byText = (one: string, other: string) => (one < other ? -1 : 1);

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

test("a target that is as its manifest says is sound, and its journal is removed", async () => {
  await using place = await targetWith(["a", "b/c"]);
  const { result, words, code } = await place.check();
  const { sound, soundBytes, soundBefore, extra, signature } = result;
  assert.deepEqual([sound, soundBytes, soundBefore, extra, signature], [2, 4, 0, 0, { state: "none" }]);
  assert.deepEqual([words, code], [[], 0]);
  assert.equal(await isThere(place.journal), false);
});

test("missing, changed and extra files are found", async () => {
  await using place = await targetWith(["gone", "longer", "other", "right"]);
  await rm(join(place.root, "gone"));
  await appendFile(join(place.root, "longer"), "x");
  await writeFile(join(place.root, "other"), "OTHER");
  await writeFile(join(place.root, "new"), "x");
  const { words, result, code } = await place.check();
  assert.deepEqual(words, ["changed longer", "changed other", "extra new", "missing gone"]);
  assert.deepEqual([result.sound, result.missing, result.changed, result.extra, code], [1, 1, 2, 1, 4]);
});

test("extra files alone are no fault", async () => {
  await using place = await targetWith(["a"]);
  await writeFile(join(place.root, "new"), "x");
  const { words, code } = await place.check();
  assert.deepEqual([words, code], [["extra new"], 0]);
});

test("the last entry of a location counts", async () => {
  await using place = await targetWith(["a"]);
  await writeFile(join(place.root, "a"), "again");
  await place.target.documents.append("MANIFEST.jsonl", lineOf(entryFor("a", Buffer.from("again"))));
  const { result, code } = await place.check();
  assert.deepEqual([result.sound, code], [1, 0]);
});

test("a damaged line of the manifest is reported, and all others are checked", async () => {
  await using place = await targetWith(["a"]);
  await place.target.documents.append("MANIFEST.jsonl", "{damaged\n");
  const { result, findings, code } = await place.check();
  assert.deepEqual([result.sound, result.invalidLines, code], [1, 1, 4]);
  assert.equal(findings[0]?.reason, "line 2 of the manifest is not JSON");
});

test("an interrupted check is resumed, and finds again what was wrong", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `file-${index + 10}`);
  await using place = await targetWith(names);
  await writeFile(join(place.root, "file-10"), "changed");
  const stopping = new AbortController();
  const stop: Partial<CheckOptions> = {
    signal: stopping.signal,
    concurrency: 1,
    onProgress: ({ sound }) => sound === 6 && stopping.abort(new Error("interrupted")),
  };
  await assert.rejects(place.check({}, stop), /interrupted/);
  const { result, words } = await place.check();
  assert.deepEqual([result.sound, result.soundBefore, result.changed], [11, 6, 1]);
  assert.deepEqual(words, ["changed file-10"]);
  assert.equal(place.reads.length, names.length - 6, "only what was not found sound is read");
});

test("a resumed check notices a file that was found sound and is now gone, or has another size", async () => {
  const names = ["a", "b", "c", "d"];
  await using place = await targetWith(names);
  const stopping = new AbortController();
  const onProgress = ({ sound }: { readonly sound: number }) => sound === 3 && stopping.abort(new Error("interrupted"));
  await assert.rejects(place.check({}, { signal: stopping.signal, concurrency: 1, onProgress }), /interrupted/);
  await rm(join(place.root, "a"));
  await appendFile(join(place.root, "b"), "x");
  assert.deepEqual((await place.check()).words, ["changed b", "missing a"]);
});

test("as many copies are read at once as suit the target, or as the user says", async () => {
  await using place = await targetWith(Array.from({ length: 20 }, (_, index) => `file-${index}`));
  const mostAtOnce = async (target: Partial<Target>, options: Partial<CheckOptions>) => {
    let [reading, most] = [0, 0];
    const check: Target["check"] = async () => {
      reading += 1;
      most = Math.max(most, reading);
      await setImmediate();
      reading -= 1;
      return "sound";
    };
    await place.check({ ...target, check }, options);
    return most;
  };
  assert.equal(await mostAtOnce({}, {}), 4);
  assert.equal(await mostAtOnce({ checksAtOnce: 16 }, {}), 16);
  assert.equal(await mostAtOnce({ checksAtOnce: 16 }, { concurrency: 2 }), 2);
});

test("a check starts over when the manifest has changed, and with a damaged journal", async () => {
  const names = ["a", "b", "c", "d"];
  await using place = await targetWith(names);
  const interrupt = async () => {
    const stopping = new AbortController();
    const onProgress = ({ sound }: { readonly sound: number }) =>
      sound === 3 && stopping.abort(new Error("interrupted"));
    await assert.rejects(place.check({}, { signal: stopping.signal, concurrency: 1, onProgress }), /interrupted/);
  };
  await interrupt();
  await place.target.documents.append("MANIFEST.jsonl", lineOf(entryFor("a", Buffer.from("a"))));
  assert.equal((await place.check()).result.soundBefore, 0);
  assert.deepEqual(new Set(place.reads), new Set(names));
  await interrupt();
  await writeFile(place.journal, "this is no database, and never was one");
  assert.equal((await place.check()).result.sound, 4);
});

test("a check that was killed is resumed", async () => {
  const names = Array.from({ length: 1200 }, (_, index) => `folder-${index % 7}/file-${index}`);
  await using place = await targetWith(names);
  const program = fileURLToPath(new URL("../support/check-child.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@moraine/source", program, place.root, place.journal]);
  for await (const line of createInterface(child.stdout)) {
    if (Number(line) >= 700) {
      child.kill("SIGKILL");
    }
  }
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit");
  }
  assert.equal(child.signalCode, "SIGKILL");
  const { result, code } = await place.check();
  assert.deepEqual([result.sound, code], [1200, 0]);
  assert.ok(result.soundBefore >= 500, `${result.soundBefore} are known to be sound`);
  assert.equal(place.reads.length, 1200 - result.soundBefore);
});

test("copies that cannot be checked yet are reported, and checked by the next run alone", async () => {
  await using place = await targetWith(["a", "b"]);
  const check: Target["check"] = async ({ location }) => {
    if (location === "a") {
      throw new UncheckableError("newer than the inventory");
    }
    return "sound";
  };
  const { words, result, code } = await place.check({ check });
  assert.deepEqual([words, result.sound, result.unchecked, code], [["unchecked a"], 1, 1, 75]);
  const later = await place.check();
  assert.deepEqual([later.result.sound, later.code, place.reads], [2, 0, ["a"]]);
});

test("a check ends when the target can no longer be used, and not because of one file", async () => {
  await using place = await targetWith(Array.from({ length: 40 }, (_, index) => `file-${index}`));
  const failing = (fails: (location: string) => boolean): Pick<Target, "check"> => ({
    async check({ location }) {
      if (fails(location)) {
        throw new TargetUnavailableError("the disk does not respond");
      }
      return "sound";
    },
  });
  const one = await place.check(failing((location) => location === "file-5"));
  assert.deepEqual([one.words, one.code], [["unchecked file-5"], 75]);
  await rm(place.journal);
  await assert.rejects(place.check(failing(() => true)), { name: "TargetUnavailableError" });
});

test("a folder without a manifest is refused", async () => {
  await using place = await targetWith([]);
  await rm(join(place.root, "MANIFEST.jsonl"));
  await assert.rejects(place.check(), {
    name: "ManifestError",
    message: `There is no MANIFEST.jsonl in ${place.root}: expected the target of a rescue`,
  });
  assert.equal(await readFile(join(place.root, "../check.sqlite")).catch(() => null), null);
});
