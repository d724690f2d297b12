import { DatabaseLostError, type OpenedFolder, type OpenOptions, openFolder } from "./open-folder.ts";
import { type MirrorState, openMirror } from "./open-mirror.ts";
import type { Report } from "./report.ts";
import { assertSchema } from "./schema.ts";
import { sealingKeyOf } from "./sealing-key.ts";
import { type Level, type Subset, Verification } from "./verification.ts";
import { verify } from "./verify.ts";

interface Options extends OpenOptions {
  readonly level: Level;
  readonly subset: Subset | null;
  /** Where the second copies are. @default null, not to be read */
  readonly mirrorFolder?: string | null;
  /** The server's sealing key. @default null, the folder's own */
  readonly sealingKeyFile?: string | null;
  /** The end of the time for it, by `performance.now()`. */
  readonly deadline: number;
}

/** Checks a data folder, and returns how many findings it reported. Throws CannotVerifyError, among others, when it cannot. */
export async function verifyFolder(path: string, options: Options, report: Report): Promise<number> {
  try {
    await using folder = await openFolder(path, options);
    assertSchema(folder);
    const mirror = await openMirror(folder.path, options.mirrorFolder ?? null);
    return await verifyOpened(folder, { ...options, mirror }, report);
  } catch (error) {
    if (!(error instanceof DatabaseLostError)) {
      throw error;
    }
    report.finding({ code: "database-unreadable", message: error.message, file: "moraine.db" });
    return 1;
  }
}

async function verifyOpened(
  folder: OpenedFolder,
  { level, subset, deadline, mirror, sealingKeyFile = null }: Options & { readonly mirror: MirrorState },
  report: Report,
): Promise<number> {
  const verification = new Verification(folder, {
    level,
    subset,
    deadline,
    mirror,
    sealingKeyFile,
    print: report.finding,
  });
  const isComplete = await verify(verification);
  report.summary(verification.totals, {
    source: folder.source,
    level,
    subset,
    mirror: mirror.state,
    hasRowKey: sealingKeyOf(verification) !== null,
    isComplete,
  });
  return verification.totals.findings;
}
