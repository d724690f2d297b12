import { type ListFile, unreadable } from "../../arguments/list-file.ts";

/** A list of files is read in pieces; a name is much shorter than this. */
const nameBytesMax = 64 * 1024;

/**
 * Yields the names in a list: one a line, with LF or CRLF as the first one has, or with a NUL after each as `find -print0` writes them, if its
 * first piece has one. Throws UsageError when it cannot be read.
 */
export async function* namesIn(list: ListFile): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  let end: string | RegExp | null = null;
  try {
    for await (const piece of list.bytes()) {
      rest += decoder.decode(piece, { stream: true });
      end ??= endIn(rest);
      const names: string[] = end === null ? [rest] : rest.split(end);
      rest = names.pop() ?? "";
      if (rest.length > nameBytesMax) {
        throw new Error("it has a name that is too long: expected one name a line, or a NUL after each");
      }
      yield* names.filter(Boolean);
    }
  } catch (error) {
    throw unreadable(list.name, error);
  }
  if (rest !== "") {
    yield rest;
  }
}

/** Returns the character after each name; null until the first of them was read. A name itself may end in a CR. */
function endIn(text: string): string | RegExp | null {
  const [first = "", ...others] = text.split("\n", 2);
  return text.includes("\0") ? "\0" : others.length === 0 ? null : first.endsWith("\r") ? /\r?\n/ : "\n";
}
