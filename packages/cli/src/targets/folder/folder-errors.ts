import { TargetFullError, TargetUnavailableError } from "../target.ts";

const full: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);
/** Codes of a file system that as a whole does not work, or not for this user. */
const unavailable: ReadonlySet<unknown> = new Set(
  "EACCES EBUSY EIO EMFILE ENFILE ENODEV ENOTCONN ENXIO EPERM EROFS ESTALE ETIMEDOUT EHOSTDOWN EREMOTEIO".split(" "),
);

/** Codes that one file or folder may have as well. */
const ofOne: ReadonlySet<unknown> = new Set(["EACCES", "EBUSY", "EIO", "EPERM"]);

/**
 * Returns the error of a file system in the terms of a target: its own error when the file system as a whole is the reason, else the given
 * one.
 *
 * @param shown names the file, since paths of the system's calls may be descriptors.
 */
export function targetError(error: unknown, shown: string): unknown {
  const cause = systemErrorOf(error);
  if (cause === null) {
    return error;
  }
  if (full.has(cause.code)) {
    return new TargetFullError(`No room for ${shown}: ${reasonOf(cause)}`, { cause });
  }
  if (unavailable.has(cause.code)) {
    const mayBeOfOne = ofOne.has(cause.code);
    return new TargetUnavailableError(`Cannot use ${shown}: ${reasonOf(cause)}`, { cause, mayBeOfOne });
  }
  return cause === error ? new Error(`Cannot use ${shown}: ${reasonOf(cause)}`, { cause }) : error;
}

/** Rejects with the error of `targetError`. */
export async function asTarget<Value>(shown: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw targetError(error, shown);
  }
}

export function codeOf(error: unknown): string {
  return systemErrorOf(error)?.code ?? "";
}

/** Returns the failed system call behind an error: itself, or its cause. */
function systemErrorOf(error: unknown): NodeJS.ErrnoException | null {
  for (let one = error; one instanceof Error; one = one.cause) {
    if ("syscall" in one) {
      return one as NodeJS.ErrnoException;
    }
  }
  return null;
}

/** Returns the system's words, without the call and its paths. */
const reasonOf = ({ message }: NodeJS.ErrnoException): string => message.split(", ")[0] ?? message;
