import { execFileSync } from "node:child_process";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** A disk of its own, which another program fills now and then. Root alone can mount it. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string;
  readonly #folder: AsyncDisposable;

  private constructor(folder: AsyncDisposable & { readonly path: string }) {
    this.path = folder.path;
    this.#folder = folder;
  }

  static async mount(sizeBytes: number): Promise<SmallDisk> {
    const folder = await temporaryFolder();
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "moraine-hostile-week", folder.path]);
    return new SmallDisk(folder);
  }

  /** Leaves this many bytes free. */
  async fill(bytesLeft: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    await writeFile(join(this.path, "filler"), Buffer.alloc(Math.max(0, bavail * bsize - bytesLeft))).catch(() => {
      // The disk was full before all was written.
    });
  }

  async makeRoom(): Promise<void> {
    await rm(join(this.path, "filler"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    execFileSync("umount", ["--lazy", this.path]);
    await this.#folder[Symbol.asyncDispose]();
  }
}
