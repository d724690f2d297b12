import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { keyOf } from "../../../packages/server/src/storage/metadata/tables/rows.ts";
import { treeHashOf } from "../content.ts";
import type { GlacierHttp, InventoryEntry } from "../glacier-http.ts";
import { bytesOf, type Ledger, type OpenUpload, pieceHash, type Sending } from "./ledger.ts";
import { completeUpload } from "./workload.ts";

// Invariants that must hold after every restart. Each check names its findings, so that a failure shows which promise was broken.

interface Audit {
  readonly glacier: GlacierHttp;
  readonly vault: string;
  readonly ledger: Ledger;
}

const readersMax = 6;
const sweepSecondsMax = 10;

/** Before anybody writes: a crash leaves nothing in `tmp/`, and no segment that was intended and not stored. */
export async function assertSwept(dataFolder: string): Promise<void> {
  assert.deepEqual(await readdir(join(dataFolder, "tmp")), [], "a start leaves nothing in tmp/");
  using database = new DatabaseSync(join(dataFolder, "moraine.db"), { readOnly: true });
  const pending = database.prepare("SELECT count(*) AS rows FROM segments WHERE state IN ('pending', 'dead')");
  const end = performance.now() + sweepSecondsMax * 1000;
  while (Number(pending.get()?.["rows"]) > 0) {
    assert.ok(performance.now() < end, "a start sweeps the segments that were intended and not stored");
    await sleep(5);
  }
}

/** Every blob has a row and every row has a blob; only for a server at rest. */
export async function assertNoOrphans(dataFolder: string): Promise<void> {
  using database = new DatabaseSync(join(dataFolder, "moraine.db"), { readOnly: true });
  const rows = database.prepare("SELECT name, owner_head, owner_tail FROM segments").all();
  const blobs = join(dataFolder, "blobs");
  const entries = await readdir(blobs, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  assert.deepEqual(
    files.map((path) => path.slice(blobs.length + 1)).sort(),
    rows.map((row) => keyOf(row as unknown as Parameters<typeof keyOf>[0])).sort(),
    "blobs and rows belong together",
  );
}

/** Compares the inventory with the ledger, and settles what was under way when the server died. */
export async function auditInventory({ glacier, vault, ledger }: Audit): Promise<void> {
  const listed = new Map<string, InventoryEntry>();
  for (const entry of await glacier.inventory(vault)) {
    assert.ok(!listed.has(entry.ArchiveDescription), `${entry.ArchiveDescription} is listed twice`);
    assert.ok(ledger.sendings.has(entry.ArchiveDescription), `${entry.ArchiveDescription} was never sent`);
    listed.set(entry.ArchiveDescription, entry);
  }
  const completing = new Set([...ledger.uploads].filter((upload) => upload.completing).map(({ sending }) => sending));
  const open = new Set([...ledger.uploads].map(({ sending }) => sending));
  for (const sending of ledger.sendings.values()) {
    const entry = listed.get(sending.name);
    if (entry !== undefined) {
      settleListed(sending, entry, !open.has(sending) || completing.has(sending));
    } else if (!open.has(sending)) {
      settleUnlisted(sending);
    }
  }
}

function settleListed(sending: Sending, entry: InventoryEntry, mayBeListed: boolean): void {
  const { name, fate, archiveId, pieces } = sending;
  assert.notEqual(fate, "deleted", `${name} was deleted, and is listed again`);
  assert.notEqual(fate, "absent", `${name} was not there after the kill, and is listed later`);
  assert.ok(mayBeListed, `${name} is listed before anybody completed it`);
  assert.equal(entry.ArchiveId, archiveId ?? entry.ArchiveId, `${name} has the id that was answered`);
  if (!sending.readBack) {
    const bytes = bytesOf(pieces);
    assert.equal(entry.Size, bytes.length, `${name} has its size`);
    assert.equal(entry.SHA256TreeHash, treeHashOf(bytes), `${name} has its tree hash`);
  }
  sending.archiveId = entry.ArchiveId;
  sending.fate = "stored";
}

function settleUnlisted(sending: Sending): void {
  assert.notEqual(sending.fate, "stored", `${sending.name} was acknowledged, and is not listed`);
  sending.fate = sending.fate === "sent" ? "absent" : sending.fate;
  sending.fate = sending.fate === "deleting" ? "deleted" : sending.fate;
}

/** Parts that were answered are there; a Complete that was sent succeeds, whether it had happened or not. */
export async function auditUploads({ glacier, vault, ledger }: Audit): Promise<void> {
  for (const upload of ledger.uploads) {
    if (upload.completing) {
      await completeUpload({ glacier, vault, ledger, onAcknowledged: () => undefined }, upload);
    } else {
      await auditParts({ glacier, vault }, upload);
    }
  }
}

async function auditParts({ glacier, vault }: Omit<Audit, "ledger">, upload: OpenUpload): Promise<void> {
  const path = `/-/vaults/${vault}/multipart-uploads/${upload.uploadId}`;
  const { body } = await glacier.demand({ method: "GET", path });
  const listed: Array<{ RangeInBytes: string; SHA256TreeHash: string }> = JSON.parse(body.toString()).Parts;
  const hashes = new Map(listed.map((part) => [Number(part.RangeInBytes.split("-")[0]), part.SHA256TreeHash]));
  for (const [number, part] of upload.parts.entries()) {
    const label = `part ${number} of ${upload.sending.name}`;
    const hash = hashes.get(number * upload.partSizeBytes);
    assert.ok(hash !== undefined || part.acknowledged === null, `${label} was acknowledged, and is not listed`);
    const candidates = [part.acknowledged, part.unanswered].filter((piece) => piece !== null);
    const stored = candidates.find((piece) => pieceHash(piece) === hash);
    assert.ok(hash === undefined || stored !== undefined, `${label} has the bytes of one that was sent`);
    part.acknowledged = stored ?? null;
    part.unanswered = null;
  }
}

/** Reads archives whole, through jobs, and compares every byte. */
export async function readBack(
  { glacier, vault }: Omit<Audit, "ledger">,
  sendings: readonly Sending[],
): Promise<number> {
  let next = 0;
  const reader = async () => {
    for (let sending = sendings[next++]; sending !== undefined; sending = sendings[next++]) {
      const bytes = await glacier.retrieve(vault, sending.archiveId ?? "");
      assert.ok(bytes.equals(bytesOf(sending.pieces)), `${sending.name} reads back identical`);
      sending.readBack = true;
    }
  };
  await Promise.all(Array.from({ length: readersMax }, reader));
  return sendings.length;
}
