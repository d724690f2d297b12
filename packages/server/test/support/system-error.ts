import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

/** An error as Node makes it of a failed system call: the code of one that it has no name for, like EDQUOT, is a number. */
export function systemError(name: string): NodeJS.ErrnoException {
  const errno = -((constants.errno as Readonly<Record<string, number>>)[name] ?? 0);
  const isNamed = getSystemErrorMap().has(errno);
  return Object.assign(new Error(`${name}: on purpose`), {
    errno,
    code: isNamed ? name : `Unknown system error ${errno}`,
  });
}
