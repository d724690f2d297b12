import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { millisecondsPer } from "@moraine/protocol";
import { systemClock } from "../../clock/clocks.ts";
import { intentLeaseMilliseconds } from "../../segments/running-intents.ts";
import type { OpenedFolder } from "../open-folder.ts";
import type { Verification } from "../verification.ts";

const name = "tmp";

/** Segments that are being received lie in `tmp/`. A start empties it, so what a stopped server left there is no finding. */
export async function checkTemporaryFiles(
  verification: Verification,
  { path, isRunning }: OpenedFolder,
): Promise<void> {
  if (!isRunning) {
    return;
  }
  const folder = join(path, name);
  const oldest = systemClock.now() - intentLeaseMilliseconds - millisecondsPer.hour;
  for await (const entry of await opendir(folder)) {
    const found = await stat(join(folder, entry.name)).catch(() => null);
    if (found !== null && found.mtimeMs < oldest) {
      const message = "a file that nobody has written to for more than a day lies in tmp/";
      verification.found({ code: "leftover", message, file: `${name}/${entry.name}` });
    }
  }
}
