import { type FileHandle, open } from "node:fs/promises";

/** Where lines go: a file, or standard output. */
export interface LogTarget {
  /** Resolves when the lines are written. */
  append(lines: string): Promise<void>;
  /** Opens the file again with the next lines: whoever rotates it has renamed it. */
  reopen(): void;
  close(): Promise<void>;
}

/** @param path a file, or `stdout`. */
export const openLogTarget = (path: string): LogTarget => (path === "stdout" ? standardOutput : new LogFile(path));

const standardOutput: LogTarget = {
  append: (lines) =>
    new Promise((resolve, reject) => process.stdout.write(lines, (error) => (error ? reject(error) : resolve()))),
  reopen: () => undefined,
  close: async () => undefined,
};

/** A file that its owner alone may read. It is opened with the first lines, and again after each failure. */
class LogFile implements LogTarget {
  readonly #path: string;
  #file: FileHandle | null = null;
  #isStale = false;

  constructor(path: string) {
    this.#path = path;
  }

  async append(lines: string): Promise<void> {
    if (this.#isStale) {
      await this.close();
    }
    const file = await this.#open();
    const status = await file.stat();
    try {
      await file.appendFile(lines);
    } catch (error) {
      // A full disk takes a part of the lines: they are written again, and must not follow half a line.
      await (status.isFile() ? file.truncate(status.size) : undefined)?.catch(() => undefined);
      await this.close().catch(() => undefined);
      throw error;
    }
  }

  reopen(): void {
    this.#isStale = true;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    this.#isStale = false;
    await file?.close();
  }

  async #open(): Promise<FileHandle> {
    if (this.#file === null) {
      const file = await open(this.#path, "a", 0o600);
      try {
        if ((await file.stat()).isFile()) {
          await file.chmod(0o600);
        }
      } catch (error) {
        await file.close();
        throw error;
      }
      this.#file = file;
    }
    return this.#file;
  }
}
