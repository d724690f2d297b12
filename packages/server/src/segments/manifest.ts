import { leafSizeBytes, type TreeHash } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../domain/segment.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { ByteStream } from "./blocks.ts";
import { leafAt, sha256 } from "./footer.ts";
import { leafRange, type OpenSegment, readOrCorrupt } from "./open.ts";

/**
 * The head of a manifest: an archive that was made of parts. With its parts it tells which segments are the archive's own, without
 * the database: parts that were replaced, or whose upload was not completed, are in none. docs/storage-format.md has its form.
 */
export interface ManifestHead {
  readonly archiveId: string;
  readonly vaultArn: string;
  readonly description: string;
  readonly createdAt: Instant;
  readonly sizeBytes: number;
  readonly treeHash: TreeHash;
  /** The greatest of an archive's manifests is right, if it has several. */
  readonly partsRevision: number;
}

const format = 1;

/** The most bytes of a line: numbers of 16 digits, a hash, and a key with the longest owner. */
const lineBytesMax = 512;
const headBytesMax = 4096;

export const manifestSizeMax = (partsMax: number): number => headBytesMax + partsMax * lineBytesMax;

/** Writes a manifest, a line for its head and one for each part, a page of parts at a time. */
export async function* encodeManifest(head: ManifestHead, pages: AsyncIterable<readonly Segment[]>): ByteStream {
  yield Buffer.from(`${JSON.stringify({ format, ...head })}\n`);
  for await (const parts of pages) {
    // A part after the archive's end was stored meanwhile: the manifest will not be used, but must not become longer than announced.
    const lines = parts
      .filter(({ firstByte }) => firstByte < head.sizeBytes)
      .map(({ firstByte, sizeBytes, treeHash, key }) => JSON.stringify([firstByte, sizeBytes, treeHash, key]));
    yield Buffer.from(lines.map((line) => `${line}\n`).join(""));
  }
}

/** A manifest as it is read back. */
export interface ReadManifest {
  readonly head: ManifestHead;
  /** The parts in order; to be read once. */
  readonly parts: AsyncIterable<Segment>;
}

/** Reads a manifest a MiB at a time, each compared with its hash. Throws CorruptSegmentError, also while the parts are read. */
export async function readManifest(segment: Segment, opened: OpenSegment): Promise<ReadManifest> {
  const lines = linesOf(segment, opened);
  const { value: first } = await lines.next();
  const head = parseHead(first ?? "", segment);
  return { head, parts: partsOf(lines, segment) };
}

async function* linesOf(segment: Segment, { reader, footer }: OpenSegment): AsyncGenerator<string, undefined, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for (let position = 0; position < segment.sizeBytes; position += leafSizeBytes) {
    const bytes = Buffer.alloc(Math.min(leafSizeBytes, segment.sizeBytes - position));
    await readOrCorrupt(reader, segment, bytes, position);
    if (!sha256(bytes).equals(leafAt(footer, position / leafSizeBytes))) {
      throw new CorruptSegmentError(segment.key, "a MiB of the manifest does not have its hash", {
        place: leafRange(segment, position),
      });
    }
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") {
    throw new CorruptSegmentError(segment.key, "the last line of the manifest is not complete");
  }
}

function parseHead(line: string, { key, ownerId }: Segment): ManifestHead {
  const parsed = parse(line, key) as { readonly format?: unknown } & ManifestHead;
  if (parsed?.format !== format || parsed.archiveId !== ownerId) {
    throw new CorruptSegmentError(key, `the manifest is not of format ${format}, or another archive's`);
  }
  const { archiveId, vaultArn, description, createdAt, sizeBytes, treeHash, partsRevision } = parsed;
  return { archiveId, vaultArn, description, createdAt, sizeBytes, treeHash, partsRevision };
}

async function* partsOf(lines: AsyncIterable<string>, { key, ownerId }: Segment): AsyncGenerator<Segment, void, void> {
  for await (const line of lines) {
    const parsed = parse(line, key);
    if (!Array.isArray(parsed) || parsed.length !== 4) {
      throw new CorruptSegmentError(key, "a line of the manifest names no part");
    }
    const [firstByte, sizeBytes, treeHash, partKey] = parsed;
    yield { key: partKey, ownerId, firstByte, sizeBytes, treeHash };
  }
}

function parse(line: string, key: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new CorruptSegmentError(key, "a line of the manifest is no JSON", { cause: error });
  }
}
