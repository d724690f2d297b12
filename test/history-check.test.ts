import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { contentOf, treeHashOf } from "./support/content.ts";
import type { Answer, Call, Entry, History, Outcome } from "./support/history/calls.ts";
import { check } from "./support/history/check.ts";
import type { ViolationKind } from "./support/history/possibilities.ts";
import { shrink } from "./support/history/shrink.ts";

// The oracle of the rigs, tried on histories written by hand: each kind of violation is refused, and legal ones pass.

const vault = "v";
const partSizeBytes = 1024 ** 2;
const content = (seed: number, sizeBytes = 10) => ({
  seed,
  sizeBytes,
  treeHash: treeHashOf(contentOf(seed, sizeBytes)),
});

/** Writes a history call by call. */
class Story {
  readonly entries: Entry[] = [];
  #count = 0;

  begin(call: Call): number {
    this.#count += 1;
    this.entries.push({ begin: this.#count, call });
    return this.#count;
  }
  end(call: number, outcome: Outcome): this {
    this.entries.push({ end: call, outcome });
    return this;
  }
  ok(call: Call, answer: Answer = {}): this {
    return this.end(this.begin(call), { kind: "ok", answer });
  }
  refused(call: Call, code: string): this {
    return this.end(this.begin(call), { kind: "refused", code });
  }
  unknown(call: Call): this {
    return this.end(this.begin(call), { kind: "unknown", reason: "the connection died" });
  }
  event(event: "restart" | "observe"): this {
    this.entries.push({ event });
    return this;
  }
  upload(archive: string, seed: number): this {
    return this.ok({ op: "UploadArchive", vault, archive, ...content(seed) }, { archiveId: `id-${archive}` });
  }
  list(...archives: Array<readonly [name: string, seed: number]>): this {
    return this.ok(
      { op: "ListArchives", vault },
      { archives: archives.map(([name, seed]) => ({ name, id: `id-${name}`, ...withoutSeed(content(seed)) })) },
    );
  }
  /** An upload of two parts. */
  parts(archive: string): this {
    this.ok({ op: "InitiateMultipartUpload", vault, archive, partSizeBytes });
    this.ok({ op: "UploadMultipartPart", vault, archive, firstByte: 0, ...content(50, partSizeBytes) });
    return this.ok({ op: "UploadMultipartPart", vault, archive, firstByte: partSizeBytes, ...content(51) });
  }
}

const withoutSeed = ({ sizeBytes, treeHash }: ReturnType<typeof content>) => ({ sizeBytes, treeHash });
const joined = Buffer.concat([contentOf(50, partSizeBytes), contentOf(51, 10)]);
const whole = { sizeBytes: joined.length, treeHash: treeHashOf(joined) };
const complete: Call = { op: "CompleteMultipartUpload", vault, archive: "u", ...whole };
const noise = () => new Story().ok({ op: "CreateVault", vault }).upload("noise", 9).upload("more", 8);
const lockOf = (lock: string): Call => ({ op: "InitiateVaultLock", vault, lock, denies: ["DeleteArchive"] });
const deleteA: Call = { op: "DeleteArchive", vault, archive: "a" };
const tag = (value: string): Call => ({ op: "AddTagsToVault", vault, tags: { hold: value } });
const tagsAre = (hold: string): Answer => ({ tags: { hold } });
const listTags: Call = { op: "ListTagsForVault", vault };
const others: Array<readonly [string, number]> = [
  ["noise", 9],
  ["more", 8],
];

const violations: Array<{ kind: ViolationKind; calls: number; story: Story; what: string; says: RegExp }> = [
  {
    what: "an archive that is lost at a restart",
    kind: "lost archive",
    calls: 3,
    says: /^ListArchives of v \(call 5\) did not list a, but archive v\/a is stored\.$/,
    story: noise()
      .upload("a", 1)
      .event("restart")
      .event("observe")
      .list(...others),
  },
  {
    what: "bytes that changed",
    kind: "changed bytes",
    calls: 3,
    says: /ReadArchive of v\/a .* but v\/a was stored with other bytes/,
    story: noise()
      .upload("a", 1)
      .event("observe")
      .ok({ op: "ReadArchive", vault, archive: "a" }, withoutSeed(content(2))),
  },
  {
    what: "two archives of one upload",
    kind: "second archive",
    calls: 6,
    says: /CompleteMultipartUpload of v\/u .* but v\/u had another id before/,
    story: noise().parts("u").ok(complete, { archiveId: "one" }).ok(complete, { archiveId: "two" }),
  },
  {
    what: "an upload that is completed and aborted",
    kind: "two outcomes",
    calls: 6,
    says: /AbortMultipartUpload of v\/u .* succeeded, but upload v\/u was completed before/,
    story: noise()
      .parts("u")
      .ok(complete, { archiveId: "one" })
      .ok({ op: "AbortMultipartUpload", vault, archive: "u" }),
  },
  {
    what: "an acknowledged deletion that is undone",
    kind: "undone deletion",
    calls: 4,
    says: /listed a, but archive v\/a was deleted/,
    story: noise()
      .upload("a", 1)
      .ok(deleteA)
      .event("restart")
      .event("observe")
      .list(["a", 1], ...others),
  },
  {
    what: "a deletion against a lock",
    kind: "deletion against a lock",
    calls: 3,
    says: /DeleteArchive of v\/a \(call 6\) succeeded, but lock l denies it/,
    story: noise().upload("a", 1).ok(lockOf("l")).ok(deleteA),
  },
  {
    what: "a change of tags that is lost",
    kind: "lost change",
    calls: 3,
    says: /ListTagsForVault of v .* but the tags are \{"hold":"2"\}/,
    story: noise().ok(tag("1")).ok(tag("2")).event("restart").event("observe").ok(listTags, tagsAre("1")),
  },
  {
    what: "a job that goes backwards",
    kind: "job backwards",
    calls: 5,
    says: /DescribeJob of v\/j .* but the job had succeeded before/,
    story: noise()
      .upload("a", 1)
      .ok({ op: "InitiateJob", vault, archive: "a", job: "j" })
      .ok({ op: "DescribeJob", vault, job: "j" }, { state: "Succeeded" })
      .ok({ op: "DescribeJob", vault, job: "j" }, { state: "InProgress" }),
  },
  {
    what: "an answer from the future",
    kind: "answer from the future",
    calls: 3,
    says: /ListTagsForVault of v .* that was so only after the call/,
    story: noise().ok(listTags, tagsAre("1")).ok(tag("1")),
  },
  {
    what: "a stale read",
    kind: "stale read",
    calls: 4,
    says: /ListTagsForVault of v .* that was so only before the call/,
    story: noise().ok(tag("1")).ok(tag("2")).ok(listTags, tagsAre("1")),
  },
];

const callsIn = (history: History): number => history.filter((entry) => "begin" in entry).length;

describe("a history is refused that shows", () => {
  for (const { what, kind, calls, story, says } of violations) {
    test(`${what}, and shrinks to the calls that matter`, () => {
      const violation = check(story.entries);
      assert.ok(violation, "the history passes");
      assert.equal(violation.kind, kind, violation.sentence);
      assert.match(violation.sentence, says);
      const small = shrink(story.entries, violation);
      assert.equal(check(small)?.sentence, violation.sentence);
      assert.equal(callsIn(small), calls, JSON.stringify(small));
    });
  }
});

test("a call with an unknown outcome may have been carried out, or not", () => {
  const start = () => noise().upload("a", 1).unknown(deleteA).event("restart").event("observe");
  assert.equal(check(start().list(["a", 1], ...others).entries), null);
  assert.equal(check(start().list(...others).entries), null);
});

test("a call with an unknown outcome is not carried out after a restart", () => {
  const story = noise()
    .upload("a", 1)
    .unknown(deleteA)
    .event("restart")
    .list(["a", 1], ...others);
  assert.equal(check(story.entries), null);
  const violation = check(story.event("observe").list(...others).entries);
  assert.equal(violation?.kind, "lost archive", violation?.sentence);
});

test("many calls with unknown outcomes that overwrite each other are judged as soon as few", () => {
  const tag = (last: string): Call => ({ op: "AddTagsToVault", vault, tags: { last } });
  const start = () => {
    const story = noise();
    for (let index = 0; index < 60; index += 1) {
      story.unknown(tag(`unknown ${index}`));
    }
    const [left, right] = [story.begin(tag("left")), story.begin(tag("right"))];
    return story.end(left, { kind: "ok", answer: {} }).end(right, { kind: "ok", answer: {} });
  };
  for (const last of ["left", "right", "unknown 7"]) {
    assert.equal(check(start().ok({ op: "ListTagsForVault", vault }, { tags: { last } }).entries), null, last);
  }
  const lost = check(start().ok({ op: "ListTagsForVault", vault }, { tags: { last: "other" } }).entries);
  assert.equal(lost?.kind, "lost change");
});

test("many unknown outcomes of uploads, deletions and tags are judged each by itself", () => {
  const last = 59;
  const start = () => {
    const story = noise();
    for (let index = 0; index <= last; index += 1) {
      story.unknown({ op: "UploadArchive", vault, archive: `a${index}`, ...content(index) });
      story.unknown({ op: "DeleteArchive", vault, archive: `a${index}` }).unknown(tag(`unknown ${index}`));
    }
    return story
      .event("restart")
      .event("observe")
      .list([`a${last}`, last], ...others);
  };
  assert.equal(check(start().ok(listTags, tagsAre("unknown 0")).entries), null);
  assert.equal(check(start().ok(listTags, tagsAre("other")).entries)?.kind, "lost change");
});

test("tags connect the calls of a vault whose policy denies deletions while it has one", () => {
  const whileHeld: Call = {
    ...({ op: "SetVaultAccessPolicy", vault, policy: "p", denies: ["DeleteArchive"] } as const),
    whileTag: { key: "hold", value: "1" },
  };
  const held = () => noise().upload("a", 1).ok(whileHeld).ok(tag("1"));
  assert.equal(check(held().refused(deleteA, "AccessDeniedException").entries), null);
  assert.equal(check(held().ok(tag("2")).ok(deleteA).entries), null);
  assert.equal(check(held().ok(deleteA).entries)?.kind, "wrong success");
});

test("a history that would take the search too long is an error, not a shortage of memory", () => {
  const story = noise();
  for (let index = 0; index < 20; index += 1) {
    story
      .upload(`a${index}`, index)
      .unknown({ op: "DeleteArchive", vault, archive: `a${index}` })
      .unknown(lockOf(`l${index}`));
  }
  story.ok({ op: "GetVaultLock", vault }, { lock: "other", state: "InProgress" });
  assert.throws(() => check(story.entries, 1000), /allow too many orders/);
});

test("concurrent calls are in any order that their intervals allow", () => {
  for (const [first, second] of [
    ["ok", "refused"],
    ["refused", "ok"],
  ] as const) {
    const story = noise().parts("u");
    const completing = story.begin(complete);
    const aborting = story.begin({ op: "AbortMultipartUpload", vault, archive: "u" });
    const refused: Outcome = { kind: "refused", code: "ResourceNotFoundException" };
    story.end(completing, first === "ok" ? { kind: "ok", answer: { archiveId: "one" } } : refused);
    story.end(aborting, second === "ok" ? { kind: "ok", answer: {} } : refused);
    assert.equal(check(story.entries), null);
  }
});

test("concurrent Completes that got the same archive pass", () => {
  const story = noise().parts("u");
  const [left, right] = [story.begin(complete), story.begin(complete)];
  story
    .end(left, { kind: "ok", answer: { archiveId: "one" } })
    .end(right, { kind: "ok", answer: { archiveId: "one" } });
  assert.equal(check(story.entries), null);
});

test("a lock in progress ends after a day of the manual clock, and one that is complete does not", () => {
  const day: Call = { op: "AdvanceClock", seconds: 25 * 3600 };
  const start = () => noise().upload("a", 1).ok(lockOf("l")).refused(deleteA, "AccessDeniedException");
  assert.equal(check(start().ok(day).ok(deleteA).entries), null);
  const locked = start().ok({ op: "CompleteVaultLock", vault, lock: "l" }).ok(day);
  assert.equal(check(locked.ok(deleteA).entries)?.kind, "deletion against a lock");
});

test("an upload is refused after an idle day of the manual clock", () => {
  const idle = () =>
    noise()
      .parts("u")
      .ok({ op: "AdvanceClock", seconds: 25 * 3600 });
  assert.equal(check(idle().refused(complete, "ResourceNotFoundException").entries), null);
  assert.equal(check(idle().ok(complete, { archiveId: "one" }).entries)?.kind, "two outcomes");
});
