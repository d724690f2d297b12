import { entryOf, type ManifestEntry, ManifestError } from "./manifest-entry.ts";

/** The maximum length of a line: a description has at most 1,024 bytes, a path little more. */
const lineLengthMax = 1024 ** 2;
const batchSize = 500;

export interface ReadOptions {
  /** Called for a line that is not an entry, which is then left out. @default ManifestError is thrown */
  readonly onInvalid?: ((line: number, reason: string) => void) | undefined;
}

/**
 * Yields the entries of a manifest of any size in batches. A last line without a line break is left out: a process that was killed while it
 * wrote has left it, and its copy is recorded again. An archive may have several entries, of which the last counts. Throws ManifestError.
 */
export async function* readManifest(
  bytes: AsyncIterable<Uint8Array>,
  { onInvalid = refuse }: ReadOptions = {},
): AsyncGenerator<readonly ManifestEntry[], void, void> {
  let number = 0;
  let batch: ManifestEntry[] = [];
  for await (const lines of linesOf(bytes)) {
    for (const line of lines) {
      number += 1;
      try {
        batch.push(entryOf(line));
      } catch (error) {
        onInvalid(number, (error as Error).message);
      }
      if (batch.length === batchSize) {
        yield batch;
        batch = [];
      }
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

/** Yields the complete lines of each piece, without their line breaks. */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly string[], void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of bytes) {
    const lines = decoder.decode(piece, { stream: true }).split("\n");
    lines[0] = rest + lines[0];
    rest = lines.pop() ?? "";
    if (rest.length > lineLengthMax) {
      throw new ManifestError(`A line has more than ${lineLengthMax} characters: the file is damaged, or no manifest`);
    }
    yield lines;
  }
}

function refuse(line: number, reason: string): never {
  throw new ManifestError(
    `Line ${line} of the manifest ${reason}: restore the manifest from a copy, or remove the line`,
  );
}
