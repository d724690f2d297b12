import type { DigestPool } from "../hashing/digest-pool.ts";
import { holders, type PartHolder } from "./part-holder.ts";
import type { OpenSource } from "./source-part.ts";

/** Opens a stream as a source. */
export function streamedSource(bytes: AsyncIterable<Uint8Array>, pool: DigestPool): OpenSource {
  const stack = new AsyncDisposableStack();
  return {
    sizeBytes: null,
    identity: null,
    async *parts(partSizeBytes) {
      const free: PartHolder[] = [];
      const newHolder = await holders(partSizeBytes, pool, stack);
      let holder: PartHolder | null = null;
      let length = 0;
      let index = 0;
      const part = (held: PartHolder, heldBytes: number) => ({
        index,
        firstByte: index * partSizeBytes,
        lastByte: index * partSizeBytes + heldBytes - 1,
        digest: () => held.digest(heldBytes),
        open: () => held.open(heldBytes),
        release: () => free.push(held),
      });
      for await (const piece of bytes) {
        assertBytes(piece);
        for (let rest = piece; rest.length > 0; ) {
          holder ??= free.pop() ?? newHolder();
          const taken = rest.subarray(0, partSizeBytes - length);
          await holder.write(taken, length);
          length += taken.length;
          rest = rest.subarray(taken.length);
          if (length === partSizeBytes) {
            yield part(holder, length);
            index += 1;
            holder = null;
            length = 0;
          }
        }
      }
      if (holder !== null) {
        yield part(holder, length);
      }
    },
    assertUnchanged: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Throws TypeError for a string, among others, whose encoding is not known. */
function assertBytes(piece: unknown): void {
  if (!(piece instanceof Uint8Array)) {
    throw new TypeError(`Invalid piece of type ${typeof piece} from the source: expected a Uint8Array`);
  }
}
