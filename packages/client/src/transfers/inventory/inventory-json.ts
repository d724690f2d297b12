import { InventoryFormatError } from "../transfer-errors.ts";

/** The maximum length of an entry, and of everything outside the list. */
const textLengthMax = 4 * 1024 ** 2;

const space = 0x20;
const quote = 0x22;
const openingBrace = 0x7b;
const closingBrace = 0x7d;
const openingBracket = 0x5b;
const closingBracket = 0x5d;

/**
 * Splits the document of an inventory into entries as it arrives, in pieces cut anywhere. Keeps only the incomplete last entry. Accepts
 * white space, additional fields, and fields in any order.
 */
export class JsonInventorySplitter {
  /** The fields next to the list, as far as they have been received. */
  members: Readonly<Record<string, unknown>> = {};
  #phase: "head" | "list" | "tail" | "done" = "head";
  /** Text that was received and not returned yet. */
  #text = "";
  /** The index in the text at which scanning resumes. */
  #at = 0;
  #depth = 0;
  #inString = false;
  /** The indexes after complete entries. */
  #ends: number[] = [];
  /** The index after the end of the list. */
  #tailStart = 0;

  /**
   * Returns the entries that this text completes. Throws InventoryFormatError, also for text that JSON.parse refuses.
   *
   * @param onInvalid receives the text of an entry that JSON.parse refuses, which is left out then.
   */
  push(text: string, onInvalid?: (entry: string, error: Error) => void): unknown[] {
    this.#text += text;
    while (this.#at < this.#text.length) {
      this.#step();
    }
    const entries = this.#complete(onInvalid);
    this.#cut(this.#wholeEnd);
    if (this.#text.length > textLengthMax) {
      throw new InventoryFormatError(`The inventory has an entry longer than ${textLengthMax} characters`);
    }
    return entries;
  }

  /** Throws InventoryFormatError unless the document is complete. */
  end(): void {
    if (this.#phase !== "done") {
      throw new InventoryFormatError("The inventory is incomplete");
    }
  }

  /** The index after the last complete entry. */
  get #wholeEnd(): number {
    return this.#ends.at(-1) ?? 0;
  }

  #complete(onInvalid: ((entry: string, error: Error) => void) | undefined): unknown[] {
    try {
      return parse(`[${withoutComma(this.#text.slice(0, this.#wholeEnd))}]`) as unknown[];
    } catch (error) {
      if (onInvalid === undefined) {
        throw error;
      }
    }
    return this.#ends.flatMap((end, at) => {
      const entry = withoutComma(this.#text.slice(this.#ends[at - 1] ?? 0, end));
      try {
        return parse(`[${entry}]`) as unknown[];
      } catch (error) {
        onInvalid(entry, error as Error);
        return [];
      }
    });
  }

  #step(): void {
    if (this.#inString) {
      this.#passString();
      return;
    }
    const character = this.#text.charCodeAt(this.#at);
    this.#at += 1;
    if (this.#phase === "done" && character > space) {
      throw new InventoryFormatError("Unexpected data after the end of the inventory");
    }
    if (character === quote) {
      this.#inString = true;
    } else if (character === openingBrace || character === openingBracket) {
      this.#depth += 1;
      if (character === openingBracket && this.#depth === 2 && this.#phase === "head") {
        this.#beginList();
      }
    } else if (character === closingBrace || character === closingBracket) {
      this.#depth -= 1;
      this.#close();
    }
  }

  #passString(): void {
    const end = this.#text.indexOf('"', this.#at);
    if (end < 0) {
      this.#at = this.#text.length;
      return;
    }
    let backslashes = 0;
    while (this.#text[end - 1 - backslashes] === "\\") {
      backslashes += 1;
    }
    this.#inString = backslashes % 2 === 1;
    this.#at = end + 1;
  }

  #beginList(): void {
    const head = this.#text.slice(0, this.#at);
    if (/"ArchiveList"\s*:\s*\[$/.test(head)) {
      this.members = parse(`${head}]}`) as Record<string, unknown>;
      this.#phase = "list";
      this.#cut(this.#at);
    }
  }

  #close(): void {
    if (this.#depth === 2 && this.#phase === "list") {
      this.#ends.push(this.#at);
    } else if (this.#depth === 1 && this.#phase === "list") {
      this.#phase = "tail";
      this.#tailStart = this.#at;
      if (!/^\s*\]$/.test(this.#text.slice(this.#wholeEnd, this.#at))) {
        throw new InventoryFormatError("The inventory's list has an item that is not an archive");
      }
    } else if (this.#depth === 0 && this.#phase === "tail") {
      this.#phase = "done";
      const tail = parse(`{"ArchiveList":[]${this.#text.slice(this.#tailStart, this.#at)}`);
      this.members = { ...this.members, ...(tail as object) };
    } else if (this.#depth <= 0) {
      throw new InventoryFormatError("Invalid inventory: it has no list of archives");
    }
  }

  #cut(length: number): void {
    this.#text = this.#text.slice(length);
    this.#at -= length;
    this.#tailStart -= length;
    this.#ends = [];
  }
}

function withoutComma(entries: string): string {
  return entries.replace(/^\s*,/, "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InventoryFormatError(`Invalid inventory: ${(error as Error).message}`, { cause: error });
  }
}
