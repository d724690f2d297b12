import { onOneLine } from "../terminal/printable.ts";

const shownLengthMax = 60;

/** Checks an id from a response, which scripts may use unquoted. Throws if it has other characters than ids have. */
export function checkedId(id: unknown): string {
  return checked(id, /^[\w-]{1,1024}$/, "id: expected letters, digits, - and _");
}

/** Checks the name of a vault in the same manner. */
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
