import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** Packs the command and the server into folders, as they are published: npm can install these. */
export async function packBundles(folder: string): Promise<void> {
  const program = join(import.meta.dirname, "pack-bundle.ts");
  // Each on a processor of its own, since it takes seconds.
  const packed = ["server", "cli"].map((name) =>
    promisify(execFile)(process.execPath, ["--conditions=@moraine/source", program, name, join(folder, name)]),
  );
  await Promise.all(packed);
}
