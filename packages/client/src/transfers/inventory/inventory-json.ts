import { InventoryFormatError } from "../transfer-errors.ts";

/** Of all that is not the list, and of one entry: what is larger is no inventory. */
const textLengthMax = 4 * 1024 ** 2;

const space = 0x20;
const quote = 0x22;
const openingBrace = 0x7b;
const closingBrace = 0x7d;
const openingBracket = 0x5b;
const closingBracket = 0x5d;

/**
 * Takes the document of an inventory apart as it arrives, in pieces cut anywhere: gives whole entries, and keeps no more
 * than the one that is not whole yet. White space, further members and members in another order do no harm.
 */
export class JsonInventorySplitter {
  /** The members beside the list, as far as they have come. */
  members: Readonly<Record<string, unknown>> = {};
  #phase: "head" | "list" | "tail" | "done" = "head";
  /** What has come and is not given yet. */
  #text = "";
  /** Where in it scanning goes on. */
  #at = 0;
  #depth = 0;
  #inString = false;
  /** Where in the text the whole entries that were found end. */
  #wholeEnd = 0;
  /** Where in the text the list has ended. */
  #tailStart = 0;

  /** The entries that became whole with this text. Throws InventoryFormatError, also for what JSON.parse refuses. */
  push(text: string): unknown[] {
    this.#text += text;
    while (this.#at < this.#text.length) {
      this.#step();
    }
    const entries = this.#wholeEnd > 0 ? parse(`[${withoutComma(this.#text.slice(0, this.#wholeEnd))}]`) : [];
    this.#cut(this.#wholeEnd);
    if (this.#text.length > textLengthMax) {
      throw new InventoryFormatError("The inventory has something in it that is too large for one");
    }
    return entries as unknown[];
  }

  /** Throws InventoryFormatError unless the document is whole. */
  end(): void {
    if (this.#phase !== "done") {
      throw new InventoryFormatError("The inventory ends too soon");
    }
  }

  #step(): void {
    if (this.#inString) {
      this.#passString();
      return;
    }
    const character = this.#text.charCodeAt(this.#at);
    this.#at += 1;
    if (this.#phase === "done" && character > space) {
      throw new InventoryFormatError("The inventory goes on behind its end");
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
      this.#wholeEnd = this.#at;
    } else if (this.#depth === 1 && this.#phase === "list") {
      this.#phase = "tail";
      this.#tailStart = this.#at;
      if (!/^\s*\]$/.test(this.#text.slice(this.#wholeEnd, this.#at))) {
        throw new InventoryFormatError("The inventory lists something that is no archive");
      }
    } else if (this.#depth === 0 && this.#phase === "tail") {
      this.#phase = "done";
      const tail = parse(`{"ArchiveList":[]${this.#text.slice(this.#tailStart, this.#at)}`);
      this.members = { ...this.members, ...(tail as object) };
    } else if (this.#depth <= 0) {
      throw new InventoryFormatError("This is no inventory: it has no list of archives");
    }
  }

  #cut(length: number): void {
    this.#text = this.#text.slice(length);
    this.#at -= length;
    this.#tailStart -= length;
    this.#wholeEnd = 0;
  }
}

function withoutComma(entries: string): string {
  return entries.replace(/^\s*,/, "");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InventoryFormatError(`This is no inventory: ${(error as Error).message}`, { cause: error });
  }
}
