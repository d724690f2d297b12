import assert from "node:assert/strict";
import { hash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { after, before, test } from "node:test";
import { type AuditAnchor, type AuditRow, auditText, millisecondsPer, pruningSubject } from "@moraine/protocol";
import fc from "fast-check";
import { checkTrail, readAnchors } from "../packages/cli/src/admin/audit-check.ts";
import { trailIn } from "../packages/cli/src/offline/audit-trail.ts";
import { openAnchorSigner } from "../packages/server/src/audit/anchors.ts";
import { openKeyring } from "../packages/server/src/auth/keyring.ts";
import { openInlineStore } from "../packages/server/test/support/inline-store.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The audit trail can be changed by anybody who may write to the database; no change goes unnoticed.

const { day } = millisecondsPer;
const start = Date.UTC(2026, 0, 1);
/** Sequence numbers of the first entries that are left, after 20 of 80 were pruned, and of the last, that of the pruning. */
const first = 21;
const last = 81;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let database: DatabaseSync;
let anchors: readonly AuditAnchor[];

before(async () => {
  folder = await temporaryFolder();
  const path = join(folder.path, "moraine.db");
  const store = await openInlineStore(path);
  for (let number = 1; number <= 80; number += 1) {
    await store.addAuditEntries([facts(number)]);
  }
  assert.equal(
    await store.pruneAuditEntries({ recordedBefore: start + 20.5 * day, now: start + 100 * day, limit: 500 }),
    20,
  );
  const keyring = await openKeyring(store, { sealingKey: randomBytes(32), previous: null, now: start });
  const options = { metadata: store, keyring, accountId: "123456789012", region: "us-east-1", now: () => start };
  const { head } = await store.auditState({});
  const lines = JSON.stringify((await openAnchorSigner(options))(head));
  anchors = readAnchors(lines, null);
  assert.equal(anchors[0]?.Sequence, last);
  await store.close();
  database = new DatabaseSync(path);
});

after(async () => {
  database.close();
  await folder[Symbol.asyncDispose]();
});

const facts = (number: number) => ({
  time: start + number * day,
  accountId: "123456789012",
  principal: number % 3 === 0 ? "root" : `user/alice${number}`,
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  address: "192.0.2.1",
  operation: "DeleteArchive",
  vault: "123456789012/photos",
  subject: number % 5 === 0 ? null : `archive-${number}`,
  outcome: number % 2 === 0 ? ("done" as const) : ("denied" as const),
  reason: "allow by identity policy Writers, statement 0",
  requestId: `request-${number}`,
});

/** Changes the tables, checks them as an auditor would, and puts them back. */
async function findingsAfter(tamper: () => void, isAnchored: boolean): Promise<readonly string[]> {
  database.exec("BEGIN");
  try {
    tamper();
    return (await checkTrail(trailIn(database), isAnchored ? anchors : [])).findings;
  } finally {
    database.exec("ROLLBACK");
  }
}

const run = (statement: string, ...values: SQLInputValue[]) => database.prepare(statement).run(...values);
const rowAt = (seq: number) => database.prepare("SELECT * FROM audit_entries WHERE seq = ?").get(seq);

const columns = [
  "time",
  "account_id",
  "principal",
  "access_key_id",
  "address",
  "operation",
  "vault",
  "subject",
  "outcome",
  "reason",
  "request_id",
  "hash",
] as const;

const place = fc.integer({ min: first, max: last });
const value = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom("root", "done", "denied", "DeleteArchive", `${start}`),
);

/** Sets one column to something else; the rest is as it was. */
const edits = fc.record({ kind: fc.constant("edit" as const), seq: place, column: fc.constantFrom(...columns), value });
/** Changes one character of a text, or one bit of a hash. */
const flips = fc.record({
  kind: fc.constant("flip" as const),
  seq: place,
  column: fc.constantFrom(...columns),
  at: fc.nat(),
});
const deletions = fc.record({
  kind: fc.constant("delete" as const),
  seqs: fc.uniqueArray(place, { minLength: 1, maxLength: 60 }),
});
const swaps = fc.record({ kind: fc.constant("swap" as const), one: place, other: place });
const truncations = fc.record({ kind: fc.constant("truncate" as const), from: place });
/** Deletes the first entries, and says that they were pruned. */
const falsePrunings = fc.record({
  kind: fc.constant("prune" as const),
  through: fc.integer({ min: first, max: last - 1 }),
});
/** Changes an entry, and computes its hash and those of all later entries again. */
const recomputations = fc.record({
  kind: fc.constant("recompute" as const),
  seq: place,
  value: fc.string({ minLength: 1 }),
});
/** Puts an entry between two others, with a hash that fits the one before. */
const insertions = fc.record({ kind: fc.constant("insert" as const), seq: place });

const tampering = fc.oneof(edits, flips, deletions, swaps, truncations, falsePrunings, recomputations, insertions);
type Tampering = typeof tampering extends fc.Arbitrary<infer T> ? T : never;

/** Returns what has to stand in the findings; null when nothing was changed. */
function tamperWith(how: Tampering): RegExp | null {
  switch (how.kind) {
    case "edit":
      return set(how.seq, how.column, how.value);
    case "flip":
      return set(how.seq, how.column, flipped(rowAt(how.seq)?.[how.column] ?? null, how.at));
    case "delete":
      for (const seq of how.seqs) {
        run("DELETE FROM audit_entries WHERE seq = ?", seq);
      }
      return /missing/;
    case "swap":
      return swap(how.one, how.other);
    case "truncate":
      run("DELETE FROM audit_entries WHERE seq >= ?", how.from);
      return new RegExp(`entry ${last} is missing.*ends at entry ${how.from - 1}$`);
    case "prune":
      run("UPDATE audit_state SET pruned_seq = ?, pruned_hash = ?", how.through, hashAt(how.through));
      run("DELETE FROM audit_entries WHERE seq <= ?", how.through);
      return new RegExp(`begins after entry ${how.through}`);
    case "recompute":
      run("UPDATE audit_entries SET principal = ? WHERE seq = ?", how.value, how.seq);
      recompute(how.seq);
      return new RegExp(`entry ${last} is not the one that an anchor`);
    case "insert":
      return insert(how.seq);
  }
}

function set(seq: number, column: string, value: SQLInputValue): RegExp | null {
  const before = rowAt(seq)?.[column];
  try {
    run(`UPDATE audit_entries SET ${column} = ? WHERE seq = ?`, value, seq);
  } catch {
    return null; // A column that must not be null.
  }
  const now = rowAt(seq)?.[column];
  const isSame =
    before instanceof Uint8Array && now instanceof Uint8Array ? Buffer.from(before).equals(now) : before === now;
  return isSame ? null : new RegExp(`entry ${seq} `);
}

function flipped(value: unknown, at: number): SQLInputValue {
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    bytes.writeUInt8(bytes.readUInt8(at % bytes.length) ^ (1 << (at % 8)), at % bytes.length);
    return bytes;
  }
  if (typeof value === "number") {
    return value + 1;
  }
  const text = String(value ?? "x");
  const index = at % text.length;
  return `${text.slice(0, index)}${text[index] === "~" ? "!" : "~"}${text.slice(index + 1)}`;
}

/** Two entries change places, each with its hash. */
function swap(one: number, other: number): RegExp | null {
  if (one === other) {
    return null;
  }
  run("UPDATE audit_entries SET seq = -1 WHERE seq = ?", one);
  run("UPDATE audit_entries SET seq = ? WHERE seq = ?", one, other);
  run("UPDATE audit_entries SET seq = ? WHERE seq = -1", other);
  return new RegExp(`entry (${one}|${other}) was changed`);
}

function insert(seq: number): RegExp {
  for (let number = last; number >= seq; number -= 1) {
    run("UPDATE audit_entries SET seq = ? WHERE seq = ?", number + 1, number);
  }
  const names = columns.join(", ");
  run(`INSERT INTO audit_entries (seq, ${names}) SELECT ?, ${names} FROM audit_entries WHERE seq = ?`, seq, seq + 1);
  run("UPDATE audit_entries SET principal = 'user/mallory' WHERE seq = ?", seq);
  rehash(seq);
  return new RegExp(`entry ${seq + 1} was changed|anchor`);
}

function recompute(from: number): void {
  for (let seq = from; seq <= last; seq += 1) {
    rehash(seq);
  }
}

function rehash(seq: number): void {
  const row = rowAt(seq) as Record<string, string | null>;
  const record = {
    sequence: seq,
    time: Number(row["time"]),
    accountId: row["account_id"],
    principal: row["principal"],
    accessKeyId: row["access_key_id"],
    address: row["address"],
    operation: row["operation"],
    vault: row["vault"],
    subject: row["subject"],
    outcome: row["outcome"],
    reason: row["reason"],
    requestId: row["request_id"],
  } as AuditRow;
  const previous = seq === first ? prunedHash() : hashAt(seq - 1);
  run(
    "UPDATE audit_entries SET hash = ? WHERE seq = ?",
    hash("sha256", auditText(hex(previous), record), "buffer"),
    seq,
  );
}

const hashAt = (seq: number) => rowAt(seq)?.["hash"] as Uint8Array;
const prunedHash = () => database.prepare("SELECT pruned_hash FROM audit_state").get()?.["pruned_hash"] as Uint8Array;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("a trail that nobody has touched holds, after a pruning too", async () => {
  for (const isAnchored of [true, false]) {
    assert.deepEqual(await findingsAfter(() => undefined, isAnchored), []);
  }
  assert.equal(rowAt(last)?.["subject"], pruningSubject({ sequence: 20, hash: hex(prunedHash()) }));
});

test("1,000 edits, deletions, reorderings and truncations are all named", async () => {
  const counts: Record<string, number> = {};
  let tampered = 0;
  while (tampered < 1000) {
    await fc.assert(
      fc.asyncProperty(tampering, async (how) => {
        let expected: RegExp | null = null;
        const findings = await findingsAfter(() => {
          expected = tamperWith(how);
        }, true);
        if (expected !== null) {
          tampered += 1;
          counts[how.kind] = (counts[how.kind] ?? 0) + 1;
          assert.match(findings.join("\n"), expected, JSON.stringify(how));
        }
      }),
      { numRuns: 500, seed: tampered },
    );
  }
  assert.ok(
    Object.values(counts).length === 8 && Object.values(counts).every((count) => count > 20),
    JSON.stringify(counts),
  );
});

test("changes within the trail are named without an anchor; its end needs one", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(edits, flips, swaps, falsePrunings), async (how) => {
      let expected: RegExp | null = null;
      const findings = await findingsAfter(() => {
        expected = tamperWith(how);
      }, false);
      if (expected !== null) {
        assert.match(findings.join("\n"), expected, JSON.stringify(how));
      }
    }),
    { numRuns: 200, seed: 1 },
  );
  assert.deepEqual(await findingsAfter(() => run("DELETE FROM audit_entries WHERE seq = ?", last - 1), false), [
    `entry ${last - 1} is missing`,
  ]);
});

test("an anchor with another hash, another key or a wrong signature is refused", () => {
  const [anchor] = anchors as readonly [AuditAnchor];
  const changed = (more: Partial<AuditAnchor>) => () => readAnchors(JSON.stringify({ ...anchor, ...more }), null);
  assert.throws(changed({ Hash: "0".repeat(64) }), /line 1 has a wrong signature/);
  assert.throws(changed({ Sequence: 5 }), /line 1 has a wrong signature/);
  assert.throws(changed({ PublicKey: "x" }), /line 1 has a wrong signature/);
  const other = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
  assert.throws(() => readAnchors(JSON.stringify(anchor), other), /line 1 was signed with another key/);
  assert.throws(() => readAnchors("{}", null), /Line 1 of the file of anchors is not an anchor/);
  assert.throws(() => readAnchors("\n", null), /file of anchors is empty/);
});
