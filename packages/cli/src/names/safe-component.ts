import { shortHash } from "./short-hash.ts";

/** Limit of most file systems, in UTF-8. */
const componentBytesMax = 255;

/**
 * Returns a name that Linux, macOS and Windows accept as a file's or folder's and show as it is, or "" if nothing remains:
 *
 * - normalised (NFC), without invisible characters and those that change the direction of text; the joiners of scripts and emoji stay;
 * - "_" for controls, separators and what Windows forbids, U+FFFD for half a surrogate pair;
 * - without dots and spaces at its end, which Windows drops: ".." and " " are nothing then;
 * - "_" before a device of Windows (`con`, `nul.txt`), and after `.partial`, which unfinished downloads have at their ends;
 * - cut to 255 bytes, with a hash before its extension.
 */
export function safeComponent(name: string): string {
  const plain = name.toWellFormed().replaceAll(invisible, "").normalize("NFC");
  const drive = /^([A-Za-z]):$/.exec(plain)?.[1];
  const legal = withoutEnd(drive ?? plain.replaceAll(forbidden, "_")).replaceAll(/\.partial(?=\.|$)/gi, "$&_");
  return withSuffix(isDevice(legal) ? `_${legal}` : legal, "");
}

/** Returns the name with the suffix before its extension. When that is too long, the name is cut, and a hash of it added. */
export function withSuffix(name: string, suffix: string): string {
  const { stem, extension } = partsOf(name);
  const complete = stem + suffix + extension;
  if (Buffer.byteLength(complete) <= componentBytesMax) {
    return complete;
  }
  const end = `~${shortHash(name)}${suffix}${extension}`;
  return cutToBytes(stem, componentBytesMax - Buffer.byteLength(end)) + end;
}

const invisible = /[\p{Cf}--[\u200c\u200d]]/gv;
const forbidden = /[\p{Cc}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}<>:"|?*/\\]/gu;

/** A loop, since the time of `/[. ]+$/` is quadratic. */
function withoutEnd(name: string): string {
  let length = name.length;
  while (length > 0 && (name[length - 1] === "." || name[length - 1] === " ")) {
    length -= 1;
  }
  return name.slice(0, length);
}

/** Windows takes a device's name for the device with any extension, and with spaces before it. */
function isDevice(name: string): boolean {
  const [stem = ""] = name.split(".", 1);
  return /^(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]|conin\$|conout\$|clock\$)$/i.test(stem.trimEnd());
}

/** A name that begins with its only dot has no extension. */
function partsOf(name: string): { readonly stem: string; readonly extension: string } {
  const at = name.search(/(\.tar)?\.[^.\s]{1,16}$/i);
  return at > 0 ? { stem: name.slice(0, at), extension: name.slice(at) } : { stem: name, extension: "" };
}

/** Returns the longest start of the text that has at most these bytes in UTF-8. */
function cutToBytes(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
