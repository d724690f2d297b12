import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256Of } from "../../../../test/support/content.ts";
import type { StoreOptions, Target } from "../../src/targets/target.ts";
import { archiveOf, outputOf } from "../support/archive-in-memory.ts";
import { textOf } from "../support/manifest-entries.ts";

const mebibyte = 1024 ** 2;
const never = new AbortController().signal;
const options: StoreOptions = { signal: never, onBytes: () => undefined };

/** An empty place that a target keeps copies in. */
export interface Place extends AsyncDisposable {
  /** Opens the target, as another process would. */
  open(): Promise<Target & AsyncDisposable>;
  /** Changes things past the target. Null where nobody can, as in a vault. */
  readonly intruder: {
    write(location: string, bytes: Uint8Array): Promise<void>;
    remove(location: string): Promise<void>;
    read(location: string): Promise<Uint8Array>;
  } | null;
}

/** Opens the target of a place, locked. */
async function locked(place: Place) {
  await using stack = new AsyncDisposableStack();
  const target = stack.use(await place.open());
  stack.use(await target.lock(never));
  const whole = stack.move();
  return { target, [Symbol.asyncDispose]: () => whole[Symbol.asyncDispose]() };
}

async function locationsOf(target: Target): Promise<string[]> {
  const found: string[] = [];
  for await (const { location } of target.list(never)) {
    found.push(location);
  }
  return found;
}

async function* pieces(...texts: readonly string[]): AsyncGenerator<string, void, void> {
  yield* texts;
}

/** Tests of all that a target promises. */
export function targetContract(name: string, newPlace: () => Promise<Place>): void {
  describe(`a target: ${name}`, () => {
    test("a probe finds a target usable, and leaves no copy", async () => {
      await using place = await newPlace();
      await using opened = await locked(place);
      const { target } = opened;
      await target.probe(300_000, never);
      await Promise.all(Array.from({ length: 16 }, () => target.probe(300_000, never)));
      assert.deepEqual(await locationsOf(target), []);
    });

    for (const [words, sizeBytes] of [
      ["of 1 byte", 1],
      ["of one request", 300_000],
      ["of 9 MiB and a byte", 9 * mebibyte + 1],
    ] as const) {
      test(`an archive ${words} is stored, found, listed and sound`, async () => {
        await using place = await newPlace();
        await using opened = await locked(place);
        const { target } = opened;
        const archive = archiveOf(1, sizeBytes, "a b/ü/c.bin");
        let receivedBytes = 0;
        const onBytes = (count: number) => {
          receivedBytes += count;
        };
        assert.equal(await target.find(archive.facts, never), null);
        const copy = await target.store(archive.facts, outputOf(archive).output, { ...options, onBytes });
        assert.ok(copy.sha256 === null ? target.namesCopies === false : copy.sha256 === sha256Of(archive.bytes));
        assert.equal(receivedBytes, sizeBytes);
        assert.equal((await target.find(archive.facts, never))?.location, copy.location);
        assert.deepEqual(await locationsOf(target), [copy.location]);
        assert.equal(await target.check({ ...archive.facts, ...copy }, never), "sound");
        const other = archiveOf(2, sizeBytes);
        assert.equal(await target.check({ ...other.facts, sha256: null, location: copy.location }, never), "changed");
        assert.deepEqual((await place.intruder?.read(copy.location)) ?? archive.bytes, archive.bytes);
      });

      test(`wrong bytes of an archive ${words} are not stored`, async () => {
        await using place = await newPlace();
        await using opened = await locked(place);
        const { target } = opened;
        const archive = archiveOf(3, sizeBytes);
        const wrong = { ...archive, bytes: archiveOf(4, sizeBytes).bytes };
        await assert.rejects(target.store(archive.facts, outputOf(wrong).output, options), {
          name: "VerificationError",
        });
        assert.deepEqual(await locationsOf(target), []);
        await target.store(archive.facts, outputOf(archive).output, options);
      });
    }

    test("a copy whose job has expired is resumed by another process, with another job", async () => {
      await using place = await newPlace();
      const archive = archiveOf(5, 48 * mebibyte + 3);
      {
        await using opened = await locked(place);
        const { target } = opened;
        const first = outputOf(archive, 36 * mebibyte);
        await assert.rejects(target.store(archive.facts, first.output, options), { name: "OutputExpiredError" });
        assert.deepEqual(await locationsOf(target), []);
      }
      await using opened = await locked(place);
      const { target } = opened;
      const second = outputOf(archive);
      const copy = await target.store(archive.facts, second.output, options);
      assert.ok(second.servedBytes <= 40 * mebibyte + 3, `${second.servedBytes} bytes are fetched again`);
      assert.equal(await target.check({ ...archive.facts, ...copy }, never), "sound");
    });

    test("an interrupted copy can be given up, and stored from its beginning", async () => {
      await using place = await newPlace();
      await using opened = await locked(place);
      const { target } = opened;
      const archive = archiveOf(6, 33 * mebibyte);
      const first = outputOf(archive, 20 * mebibyte);
      await assert.rejects(target.store(archive.facts, first.output, options), { name: "OutputExpiredError" });
      await target.abandon?.(archive.facts, never);
      const copy = await target.store(archive.facts, outputOf(archive).output, options);
      assert.equal(await target.check({ ...archive.facts, ...copy }, never), "sound");
    });

    test("a copy that was stored before its process ended is found by the next one", async () => {
      await using place = await newPlace();
      const archive = archiveOf(7, 100_000);
      let location: string;
      {
        await using opened = await locked(place);
        const { target } = opened;
        ({ location } = await target.store(archive.facts, outputOf(archive).output, options));
      }
      await using opened = await locked(place);
      const { target } = opened;
      assert.equal((await target.find(archive.facts, never))?.location, location);
      const again = outputOf(archive);
      assert.equal((await target.store(archive.facts, again.output, options)).location, location);
      assert.deepEqual(await locationsOf(target), [location]);
    });

    test("many copies are stored at the same time", async () => {
      await using place = await newPlace();
      await using opened = await locked(place);
      const { target } = opened;
      const archives = Array.from({ length: 40 }, (_, index) => archiveOf(index + 100, 1000 + index * 50_000));
      const copies = await Promise.all(
        archives.map((archive) => target.store(archive.facts, outputOf(archive).output, options)),
      );
      const states = await Promise.all(
        archives.map(({ facts }, index) =>
          target.check({ ...facts, sha256: null, location: copies[index]?.location ?? "" }, never),
        ),
      );
      assert.deepEqual(new Set(states), new Set(["sound"]));
      assert.equal(new Set(await locationsOf(target)).size, 40);
    });

    test("a copy that does not exist is missing", async () => {
      await using place = await newPlace();
      await using opened = await locked(place);
      const { target } = opened;
      const archive = archiveOf(8, 1000, "nowhere/at all");
      assert.equal(
        await target.check({ ...archive.facts, location: "nowhere/at all", sha256: null }, never),
        "missing",
      );
    });

    test("one process at a time has the lock", async () => {
      await using place = await newPlace();
      await using first = await place.open();
      await using second = await place.open();
      const lock = await first.lock(never);
      await assert.rejects(second.lock(never), { name: "TransferBusyError" });
      await lock[Symbol.asyncDispose]();
      await (await second.lock(never))[Symbol.asyncDispose]();
    });

    test("documents are appended to, read from any byte, and replaced; they are not listed", async () => {
      await using place = await newPlace();
      {
        await using opened = await locked(place);
        const { target } = opened;
        const { documents } = target;
        assert.equal(await documents.read("MANIFEST.jsonl"), null);
        assert.equal(await documents.append("MANIFEST.jsonl", "one\n"), 4);
        assert.equal(await documents.append("MANIFEST.jsonl", "zwölf\n"), 11);
        await documents.write("SHA256SUMS", pieces("a", "b"));
        await documents.write("SHA256SUMS", pieces("c\n", "d\n"));
        await documents.write("REPORT.html", pieces());
      }
      await using opened = await locked(place);
      const { target } = opened;
      const { documents } = target;
      assert.equal(await documents.append("MANIFEST.jsonl", "three\n"), 17);
      assert.equal(await textOf(await documents.read("MANIFEST.jsonl")), "one\nzwölf\nthree\n");
      assert.equal(await textOf(await documents.read("MANIFEST.jsonl", 4)), "zwölf\nthree\n");
      assert.equal(await textOf(await documents.read("MANIFEST.jsonl", 17)), "");
      assert.equal(await textOf(await documents.read("SHA256SUMS")), "c\nd\n");
      assert.equal(await textOf(await documents.read("REPORT.html")), "");
      await documents.join?.("MANIFEST.jsonl");
      assert.equal(await textOf(await documents.read("MANIFEST.jsonl", 2)), "e\nzwölf\nthree\n");
      assert.equal(await documents.append("MANIFEST.jsonl", "four\n"), 22);
      assert.equal(await textOf(await documents.read("MANIFEST.jsonl")), "one\nzwölf\nthree\nfour\n");
      assert.deepEqual(await locationsOf(target), []);
    });

    test("other content under an archive's path is kept, and refused", async (t) => {
      await using place = await newPlace();
      const { intruder } = place;
      if (intruder === null) {
        t.diagnostic("copies have no names there");
        return;
      }
      await using opened = await locked(place);
      const { target } = opened;
      for (const sizeBytes of [1000, 9 * mebibyte]) {
        const [archive, other] = [archiveOf(9, sizeBytes, "same"), archiveOf(10, sizeBytes)];
        await intruder.write("same", other.bytes);
        await assert.rejects(target.find(archive.facts, never), { name: "TargetOccupiedError" });
        await assert.rejects(target.store(archive.facts, outputOf(archive).output, options), {
          name: "TargetOccupiedError",
        });
        assert.deepEqual(await intruder.read("same"), other.bytes);
      }
    });

    test("a copy that was changed or removed is noticed", async (t) => {
      await using place = await newPlace();
      const { intruder } = place;
      if (intruder === null) {
        t.diagnostic("nobody can change copies there");
        return;
      }
      await using opened = await locked(place);
      const { target } = opened;
      const archive = archiveOf(11, 2 * mebibyte, "x/y");
      const copy = { ...archive.facts, ...(await target.store(archive.facts, outputOf(archive).output, options)) };
      const changed = Buffer.from(archive.bytes);
      changed[mebibyte + 5] = (changed[mebibyte + 5] ?? 0) ^ 1;
      for (const bytes of [changed, archive.bytes.subarray(1), Buffer.alloc(0)]) {
        await intruder.write(copy.location, bytes);
        assert.equal(await target.check(copy, never), "changed");
      }
      await intruder.write(copy.location, archive.bytes);
      assert.equal(await target.check(copy, never), "sound");
      await intruder.remove(copy.location);
      assert.equal(await target.check(copy, never), "missing");
    });
  });
}
