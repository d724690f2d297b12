import { BlockAcquirer, type BlockPool, type ByteStream } from "./blocks.ts";

/** As many as keep the hashing threads busy while this one waits for the socket; together they are bounded by the pool. */
const blocksInFlightDefault = 6;

/**
 * Passes a body on in full blocks, the last one shorter, while the next ones arrive. Resolves to its size once all are written.
 * @param write is called in the order of the bytes, and may overlap itself. They stay valid until it resolves.
 * @param blocksInFlightMax blocks that wait for `write` to resolve.
 */
export async function writeInBlocks(
  body: ByteStream,
  pool: BlockPool,
  write: (bytes: Uint8Array) => Promise<void>,
  blocksInFlightMax = blocksInFlightDefault,
): Promise<number> {
  const inFlight: Array<Promise<void>> = [];
  let sizeBytes = 0;
  try {
    for await (const { bytes, block } of inBlocks(body, pool)) {
      sizeBytes += bytes.length;
      if (block === null) {
        await write(bytes);
        continue;
      }
      const written = write(bytes).finally(() => pool.release(block));
      written.catch(() => undefined); // It is awaited below; until then a failure must not count as unhandled.
      inFlight.push(written);
      if (inFlight.length === blocksInFlightMax) {
        await inFlight.shift();
      }
    }
    await Promise.all(inFlight);
  } finally {
    await Promise.allSettled(inFlight);
  }
  return sizeBytes;
}

interface Run {
  readonly bytes: Uint8Array;
  /** The block that holds the bytes, for the receiver to release; null for bytes that are valid only until the next run. */
  readonly block: Buffer | null;
}

/**
 * Copies pieces into blocks. While slow clients hold all blocks, pieces are passed on as they are: however many
 * clients are slow, nobody waits for them.
 */
async function* inBlocks(body: ByteStream, pool: BlockPool): AsyncGenerator<Run, void, void> {
  const acquirer = new BlockAcquirer(pool);
  let block: Buffer | null = null;
  let filled = 0;
  try {
    for await (const piece of body) {
      for (let rest = piece; rest.length > 0; ) {
        block ??= await acquirer.acquire();
        if (block === null) {
          yield { bytes: rest, block };
          break;
        }
        const part = rest.subarray(0, block.length - filled);
        block.set(part, filled);
        filled += part.length;
        rest = rest.subarray(part.length);
        if (filled === block.length) {
          const full = block;
          block = null;
          filled = 0;
          yield { bytes: full, block: full };
        }
      }
    }
    if (block !== null) {
      const last = block;
      block = null;
      yield { bytes: last.subarray(0, filled), block: last };
    }
  } finally {
    if (block !== null) {
      pool.release(block);
    }
  }
}
