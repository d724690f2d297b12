import assert from "node:assert/strict";
import { chmod, copyFile, type FileHandle, mkdir, open, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { flipBit } from "../../../../packages/server/test/support/flip-bit.ts";
import type { Random } from "../../random.ts";
import type { Done, Kind } from "../seeded-damages.ts";
import { type StoredSegment, segmentsOf } from "../segments-of.ts";

// Damages of segments' files.

const sector = 512;
const page = 4096;

export const kindsOfFiles: readonly Kind[] = [
  ofSegment("a bit of an archive", async ({ file, sizeBytes }, random) =>
    flipAt(file, random.whole(0, sizeBytes - 1), random),
  ),
  ofSegment("a bit of a footer", async ({ file, sizeBytes }, random) =>
    flipAt(file, random.whole(sizeBytes, (await stat(file)).size - 1), random),
  ),
  ofSegment("a byte", async ({ file }, random) => {
    const at = random.whole(0, (await stat(file)).size - 1);
    return overwrite(file, at, (old) => Buffer.of((old[0] ?? 0) ^ random.whole(1, 255)), 1);
  }),
  ofSegment("a sector of zeros", async ({ file }, random) => zeros(file, sector, random)),
  ofSegment("a page of zeros", async ({ file }, random) => zeros(file, page, random)),
  ofSegment("a page of another place", async ({ file }, random) => {
    const pages = Math.floor((await stat(file)).size / page);
    const [from, to] = [random.whole(0, pages), random.whole(0, pages)];
    return pages < 1 || from === to
      ? flipAt(file, 0, random)
      : overwrite(file, to * page, (_, handle) => bytesAt(handle, from * page), page);
  }),
  ofSegment("a shorter file", async ({ file }, random) => {
    const length = random.whole(0, (await stat(file)).size - 1);
    await inFile(file, () => truncate(file, length));
    return `to ${length} bytes`;
  }),
  ofSegment("a longer file", async ({ file }, random) => {
    const bytes = Buffer.alloc(random.whole(1, page), random.whole(0, 255));
    await inFile(file, async () => writeFile(file, bytes, { flag: "a" }));
    return `by ${bytes.length} bytes`;
  }),
  ofSegment("a missing file", async ({ file }) => {
    await rm(file);
    return "";
  }),
  ofSegment("a folder in the place of a file", async ({ file }) => {
    await rm(file);
    await mkdir(file);
    return "";
  }),
  {
    name: "two files that changed places",
    folder: "stopped",
    async damage(path, random) {
      const segments = segmentsOf(path);
      const one = chosen(segments, random);
      const other = chosen(
        segments.filter((segment) => segment !== one),
        random,
      );
      await rename(one.file, `${path}/kept`);
      await rename(other.file, one.file);
      await rename(`${path}/kept`, other.file);
      return {
        what: `${relative(path, one.file)} and ${relative(path, other.file)}`,
        named: { code: "segment-file", ...one.owner },
      };
    },
  },
  {
    name: "a file that no row knows",
    folder: "stopped",
    async damage(path, random) {
      const { file } = chosen(segmentsOf(path), random);
      const nonce = Array.from({ length: 16 }, () => random.oneOf([..."ABCDEFGHabcdefgh01234567"])).join("");
      const copy = file.replace(/.{16}$/, nonce);
      await copyFile(file, copy);
      return { what: relative(path, copy), named: { code: "file-unknown", file: relative(path, copy) } };
    },
  },
];

/** Named by the segment's owner. */
function ofSegment(name: string, damage: (segment: StoredSegment, random: Random) => Promise<string>): Kind {
  return {
    name,
    folder: "stopped",
    async damage(path, random): Promise<Done> {
      const segment = chosen(segmentsOf(path), random);
      const place = await damage(segment, random);
      return {
        what: `${relative(path, segment.file)} ${place}`,
        named: { ...segment.owner, file: relative(path, segment.file) },
      };
    },
  };
}

function chosen<Value>(values: readonly Value[], random: Random): Value {
  const value = random.oneOf(values);
  assert.ok(value !== undefined);
  return value;
}

async function inFile(file: string, change: () => Promise<unknown>): Promise<void> {
  await chmod(file, 0o600);
  await change();
  await chmod(file, 0o400);
}

async function flipAt(file: string, position: number, random: Random): Promise<string> {
  const bit = random.whole(0, 7);
  await flipBit(file, position, bit);
  return `bit ${bit} of byte ${position}`;
}

async function bytesAt(handle: FileHandle, position: number): Promise<Buffer> {
  const { buffer } = await handle.read(Buffer.alloc(page), 0, page, position);
  return buffer;
}

async function zeros(file: string, length: number, random: Random): Promise<string> {
  const places = Math.floor((await stat(file)).size / length);
  return overwrite(file, random.whole(0, Math.max(places - 1, 0)) * length, () => Buffer.alloc(length), length);
}

type Change = (old: Buffer, handle: FileHandle) => Buffer | Promise<Buffer>;

/** Replaces bytes of a file by others; where they are the same, it flips a bit. */
async function overwrite(file: string, position: number, change: Change, length: number): Promise<string> {
  await inFile(file, async () => {
    await using handle = await open(file, "r+");
    const old = Buffer.alloc(length);
    const { bytesRead } = await handle.read(old, 0, length, position);
    const bytes = (await change(old, handle)).subarray(0, Math.max(bytesRead, 1));
    if (bytes.equals(old.subarray(0, bytesRead))) {
      bytes[0] = (bytes[0] ?? 0) ^ 1;
    }
    await handle.write(bytes, 0, bytes.length, position);
  });
  return `${length} bytes at ${position}`;
}
