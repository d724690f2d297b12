import { onOneLine } from "../terminal/printable.ts";

const shownLengthMax = 60;

/** An id from a response, for a script or a command line. Throws unless it is made as ids are: it may be passed on unquoted. */
export function checkedId(id: unknown): string {
  return checked(id, /^[\w-]{1,1024}$/, "id: expected letters, digits, - and _");
}

/** The same for the name of a vault. */
export function checkedVaultName(name: unknown): string {
  return checked(name, /^[\w.-]{1,255}$/, "vault name: expected letters, digits and ._-");
}

function checked(text: unknown, pattern: RegExp, expectation: string): string {
  if (typeof text === "string" && pattern.test(text)) {
    return text;
  }
  throw new Error(
    `The response has an invalid ${expectation}, not "${onOneLine(text).slice(0, shownLengthMax)}". Check the endpoint`,
  );
}
