import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { Answers } from "../support/full-database.ts";
import { type Seen, Tampering } from "../support/tampering.ts";

// Single bits of the database of a stopped server are flipped. `FLIPS=1500` is the long run, `SEED=n` another one.

const flips = Number(process.env["FLIPS"] ?? 150);
const seed = process.env["SEED"] ?? "1";

/** Fields that are not of rows with MACs: how far a delivery is. */
const unsealed = /"(attempts|dueAt|failedAt|lastError|state)":("[a-z]*"|null|\d+),?/g;

test(`no answer changes unseen after any of ${flips} flips of single bits of the database`, async (context) => {
  await using tampering = await Tampering.start();
  const bytes = await readFile(tampering.original);
  const used = usedBytes(bytes);
  const sound = (await tampering.seenAfter(() => undefined)).answers;
  const counts = { harmless: 0, "refused by the start": 0, "refused by a call": 0, "named by the check": 0 };
  const silent: string[] = [];
  for (let flip = 0; flip < flips; flip += 1) {
    const chosen = hash("sha256", `${seed}/${flip}`, "buffer");
    const byte = used[chosen.readUIntBE(0, 6) % used.length] ?? 0;
    const bit = 8 * byte + (chosen.readUInt8(6) & 7);
    const seen = await tampering.seenAfter((path) => writeFile(path, flipped(bytes, bit))).catch(() => null);
    const kind = kindOf(seen);
    const changed = kind === "harmless" && seen !== null ? changedIn(seen.answers, sound) : [];
    counts[kind] += changed.length === 0 ? 1 : 0;
    silent.push(...changed.map((name) => `bit ${bit}: ${name}`));
  }
  context.diagnostic(
    `seed ${seed}, ${used.length} of ${bytes.length} bytes are in use: ${JSON.stringify(counts)}, silent: ${silent.length}`,
  );
  assert.deepEqual(silent, []);
});

type Kind = "harmless" | "refused by the start" | "refused by a call" | "named by the check";

function kindOf(seen: Seen | null): Kind {
  if (seen === null) {
    return "refused by the start";
  }
  if (seen.met.length > 0 || Object.values(seen.answers).some((answer) => /^(refused|failed)/.test(answer))) {
    return "refused by a call";
  }
  return seen.named.length > 0 ? "named by the check" : "harmless";
}

const changedIn = (answers: Answers, sound: Answers): string[] =>
  Object.keys(sound).filter((name) => textOf(name, answers) !== textOf(name, sound));

const textOf = (name: string, answers: Answers): string =>
  name === "notifications" ? (answers[name] ?? "").replace(unsealed, "") : (answers[name] ?? "");

/** Positions of bytes that are not of an empty part of a page. */
function usedBytes(bytes: Buffer): number[] {
  const empty = Buffer.alloc(emptyBytesMin);
  return [...bytes.keys()].filter((at) => {
    const from = Math.max(0, at - emptyBytesMin / 2);
    return !bytes.subarray(from, from + emptyBytesMin).equals(empty);
  });
}

const emptyBytesMin = 16;

function flipped(bytes: Buffer, bit: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
  return changed;
}
