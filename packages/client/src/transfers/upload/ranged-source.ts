import { type ByteRange, rangeLength } from "@moraine/protocol";
import type { DigestPool } from "../hashing/digest-pool.ts";
import { SourceChangedError } from "../transfer-errors.ts";
import { holders, type PartHolder } from "./part-holder.ts";
import { type OpenSource, partRanges } from "./source-part.ts";

/** An archive that is read from elsewhere, range by range, such as from another service. */
export interface RangedSource {
  readonly sizeBytes: number;
  /** Tree hash of all bytes. No archive with another one is made. */
  readonly treeHash: string;
  /** The same for the same bytes alone: a journal's upload is resumed by it. */
  readonly identity: string;
  /** Threads that hash, shared by several uploads: starting one takes longer than a small upload. @default the upload's own */
  readonly pool?: DigestPool | undefined;
  /** Reads a range from its start. Called again for a part that must be sent again. */
  read(range: ByteRange): AsyncIterable<Uint8Array>;
}

export function isRangedSource(source: object): source is RangedSource {
  return "read" in source && "treeHash" in source && "sizeBytes" in source && "identity" in source;
}

/** Opens ranges as a source. A part that the service has is not read: the tree hash of all parts shows whether it is right. */
export function rangedSource(source: RangedSource, own: DigestPool): OpenSource {
  const { sizeBytes, treeHash, identity, pool = own } = source;
  const stack = new AsyncDisposableStack();
  return {
    sizeBytes,
    identity,
    treeHash,
    async *parts(partSizeBytes) {
      const free: PartHolder[] = [];
      const newHolder = await holders(Math.min(partSizeBytes, sizeBytes), pool, stack);
      for (const range of partRanges(sizeBytes, partSizeBytes)) {
        const length = rangeLength(range);
        let filling: Promise<PartHolder> | null = null;
        const filled = () => {
          filling ??= fill(free.pop() ?? newHolder(), source.read(range), length);
          return filling;
        };
        yield {
          ...range,
          mayBeKnown: true,
          digest: async () => (await filled()).digest(length),
          async *open() {
            yield* (await filled()).open(length);
          },
          release() {
            filling?.then((holder) => free.push(holder)).catch(() => undefined);
            filling = null;
          },
        };
      }
    },
    assertUnchanged: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Fills a holder. Throws SourceChangedError if the range has another length. */
async function fill(holder: PartHolder, bytes: AsyncIterable<Uint8Array>, length: number): Promise<PartHolder> {
  let filled = 0;
  for await (const piece of bytes) {
    if (filled + piece.length > length) {
      throw new SourceChangedError(`The source has more than the ${length} bytes of a range`);
    }
    await holder.write(piece, filled);
    filled += piece.length;
  }
  if (filled < length) {
    throw new SourceChangedError(`The source has ${filled} bytes of a range, expected ${length}`);
  }
  return holder;
}
