import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const sqliteBusy = 5;

/**
 * Takes a lock file of the service as a reader: that needs no right to write, and keeps out a process that takes it as a writer. Returns null
 * when the file is missing, and `held` when a writer has it for longer than the wait.
 */
export function takeReaderLock(path: string, waitMilliseconds: number): DatabaseSync | "held" | null {
  if (!existsSync(path)) {
    return null;
  }
  const lock = new DatabaseSync(path, { readOnly: true, timeout: waitMilliseconds });
  try {
    lock.exec("BEGIN; SELECT 1 FROM sqlite_schema");
    return lock;
  } catch (error) {
    lock.close();
    if (isBusy(error)) {
      return "held";
    }
    throw error;
  }
}

export function isBusy(error: unknown): boolean {
  // The low byte is the kind; the rest tells its variants apart.
  return ((error as { errcode?: number }).errcode ?? 0) % 256 === sqliteBusy;
}
