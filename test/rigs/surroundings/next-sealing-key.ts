import { randomBytes } from "node:crypto";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Place, Recovery, Surroundings } from "./surroundings.ts";

/**
 * A sealing key that takes the place of the first one at the next start, as the README has it: after a start with both, the
 * earlier one is needed no more.
 */
export async function withNextSealingKey({ folder, disk }: Place): Promise<Surroundings> {
  const next = join(folder, "next.key");
  await writeFile(next, randomBytes(32), { mode: 0o600 });
  const sealingKey = await readFile(next);
  return {
    flagsOfRestart: ["--sealing-key", next, "--previous-sealing-key", join(disk, "data/secrets.key")],
    async recover({ disk: left }): Promise<Recovery> {
      const own = join(left, "data/secrets.key");
      return {
        sealingKeys: { sealingKey, previous: await readFile(own) },
        // From here on everything is read with it alone.
        whileServing: async () => {
          await copyFile(next, own);
          return [];
        },
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}
