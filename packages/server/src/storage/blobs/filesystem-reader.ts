import type { FileHandle } from "node:fs/promises";
import type { BlobReader } from "../../domain/stores/blob-store.ts";

/** Reads one file; it continues reading a blob that is removed meanwhile. */
export class FilesystemBlobReader implements BlobReader {
  readonly sizeBytes: number;
  readonly #file: FileHandle;

  constructor(file: FileHandle, sizeBytes: number) {
    this.#file = file;
    this.sizeBytes = sizeBytes;
  }

  async read(into: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await this.#file.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) {
        throw new Error(`The blob ends at ${position + done}, before the end of the range that was asked for`);
      }
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
