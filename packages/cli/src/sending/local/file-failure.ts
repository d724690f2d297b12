/** The service may have stored a file: its response was lost. */
export class UnknownOutcomeError extends Error {
  override readonly name = "UnknownOutcomeError";
}

/** Errors about one file, by their names, since classes of the library would have to be loaded first. */
const ofOneFile: ReadonlySet<string> = new Set([
  "InvalidParameterValueException",
  "JournalMismatchError",
  "RangeError",
  "RangeFailedError",
  "SourceChangedError",
  "TransferBusyError",
  "UndescribedError",
  "VerificationError",
]);

/** Codes of a system that can open nothing more, whatever the file. */
const ofProcess: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** Whether the error is about one file, so that the others may be sent. Failures of the service and of the state folder are not. */
export function isOfOneFile(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const isOfFileSystem = "syscall" in error && !("operation" in error);
  return ofOneFile.has(error.name) || (isOfFileSystem && !ofProcess.has((error as NodeJS.ErrnoException).code));
}
