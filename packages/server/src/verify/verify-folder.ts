import { pagedRowsOf } from "../storage/metadata/sqlite/sqlite-rows.ts";
import { DatabaseLostError, type OpenOptions, openFolder } from "./open-folder.ts";
import { openMirror } from "./open-mirror.ts";
import type { Report } from "./report.ts";
import { assertSchema } from "./schema.ts";
import { filesIn } from "./segment-store.ts";
import { type VerifyOptions, verifyPlace } from "./verify-place.ts";

interface Options extends OpenOptions, VerifyOptions {
  /** Where the second copies are. @default null, not to be read */
  readonly mirrorFolder?: string | null;
}

/** Checks a data folder, and returns how many findings it reported. Throws CannotVerifyError, among others, when it cannot. */
export async function verifyFolder(path: string, options: Options, report: Report): Promise<number> {
  try {
    await using folder = await openFolder(path, options);
    assertSchema(folder);
    const mirror = await openMirror(folder.path, options.mirrorFolder ?? null);
    const { path: root, database, isRunning, source } = folder;
    const place = { rows: pagedRowsOf(database), segments: filesIn(root), folder, isRunning, source };
    return await verifyPlace(place, { ...options, mirror }, report);
  } catch (error) {
    if (!(error instanceof DatabaseLostError)) {
      throw error;
    }
    report.finding({ code: "database-unreadable", message: error.message, file: "moraine.db" });
    return 1;
  }
}
