// Controls, characters that reorder or hide others, and lone surrogates: a terminal would act on them, or show something else.
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Shows such characters as escapes; lines and tabs stay. For terminals, and for messages wherever they are read. */
export function printable(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(unsafe, (found) => (/[\n\t]/.test(found) ? found : escapeOf(found)));
}

/** The same on one line, with escapes for line breaks and tabs, so that a value of somebody else breaks no table. */
export function onOneLine(value: unknown): string {
  return String(value).replace(unsafe, escapeOf);
}

/** Returns the same JSON, with escapes for such characters in its strings. Numbers of more than 53 bits need a `replacer`. */
export function printableJson(value: unknown, replacer?: (key: string, value: unknown) => unknown, indent = 0): string {
  const inUnits = (found: string) => Array.from({ length: found.length }, (_, at) => unitOf(found, at)).join("");
  return JSON.stringify(value, replacer, indent).replace(unsafe, (found) => (found === "\n" ? found : inUnits(found)));
}

/** The same bytes, with escapes, for a terminal. */
export async function* printableBytes(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const decoder = new TextDecoder();
  for await (const piece of bytes) {
    yield Buffer.from(printable(decoder.decode(piece, { stream: true })));
  }
  yield Buffer.from(printable(decoder.decode()));
}

/** Prints a line: with escapes on a terminal, unchanged in a file or pipe. */
export function printLine(stream: NodeJS.WriteStream, text: string): void {
  if (text !== "") {
    stream.write(`${stream.isTTY ? printable(text) : text}\n`);
  }
}

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  return (
    short[character] ??
    (code < 0x100
      ? `\\x${digits.padStart(2, "0")}`
      : code < 0x10000
        ? `\\u${digits.padStart(4, "0")}`
        : `\\u{${digits}}`)
  );
}

const unitOf = (text: string, at: number) => `\\u${text.charCodeAt(at).toString(16).padStart(4, "0")}`;
