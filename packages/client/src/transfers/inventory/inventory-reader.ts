import { type ArchiveId, type InventoryFormat, type InventoryItem, isTreeHash } from "@moraine/protocol";
import { InventoryFormatError } from "../transfer-errors.ts";
import { CsvRows } from "./inventory-csv.ts";
import { JsonInventorySplitter } from "./inventory-json.ts";

/** The maximum length of a line: it has an id, a description of at most 1,024 bytes, and little more. */
const lineLengthMax = 1024 ** 2;
/** Shows all fields of an entry with a description of a usual length. */
const excerptLengthMax = 500;

/** An entry of an inventory that is not an archive's. */
export interface InvalidEntry {
  /** Its beginning, of at most 500 characters. */
  readonly text: string;
  /** Says what is wrong with it. */
  readonly reason: string;
}

export interface InventoryReaderOptions {
  /**
   * Receives each invalid entry, which is then left out; bytes of descriptions that are not UTF-8 become U+FFFD. A document that is cut off,
   * or has no list of archives, is an error all the same. @default an invalid entry or byte is an error
   */
  readonly onInvalid?: ((entry: InvalidEntry) => void) | undefined;
}

/**
 * Yields the archives of an inventory of any size, in either format, from its bytes as they arrive: a batch for each piece, so that only a
 * piece is in memory. Iterate it once. Throws InventoryFormatError if the text is not an inventory, or is incomplete. A CSV that ends after
 * a complete line cannot be recognised as incomplete: compare sizes, as a download does.
 */
export class InventoryReader implements AsyncIterable<readonly InventoryItem[]> {
  /** The vault's ARN, as soon as it was received; null in CSV, which has neither ARN nor date. */
  vaultArn: string | null = null;
  inventoryDate: Date | null = null;
  /** The format, as soon as the first byte was received. */
  format: InventoryFormat | null = null;
  readonly #bytes: AsyncIterable<Uint8Array>;
  readonly #onInvalid: InventoryReaderOptions["onInvalid"];

  constructor(bytes: AsyncIterable<Uint8Array>, { onInvalid }: InventoryReaderOptions = {}) {
    this.#bytes = bytes;
    this.#onInvalid = onInvalid;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly InventoryItem[], void, void> {
    const decoder = new TextDecoder("utf-8", { fatal: this.#onInvalid === undefined });
    let parser: Parser | null = null;
    for await (const piece of this.#bytes) {
      const text = decoder.decode(piece, { stream: true });
      parser ??= text === "" ? null : this.#parserFor(text);
      const items = parser?.push(text) ?? [];
      if (items.length > 0) {
        yield items;
      }
    }
    if (parser === null) {
      throw new InventoryFormatError("The inventory is empty; even one without archives has a header");
    }
    const last = parser.end();
    if (last.length > 0) {
      yield last;
    }
  }

  #parserFor(text: string): Parser {
    this.format = /^\s*\{/.test(text) ? "JSON" : "CSV";
    return this.format === "CSV" ? csvParser(this.#onInvalid) : this.#jsonParser(this.#onInvalid);
  }

  #jsonParser(onInvalid: OnInvalid): Parser {
    const splitter = new JsonInventorySplitter();
    const learn = () => {
      const { VaultARN: arn, InventoryDate: date } = splitter.members;
      this.vaultArn = typeof arn === "string" ? arn : null;
      this.inventoryDate = typeof date === "string" ? dateOf(date) : null;
    };
    const leaveOut = onInvalid && ((entry: string, { message }: Error) => onInvalid(invalid(entry, message)));
    return {
      push(text) {
        const items = splitter.push(text, leaveOut).flatMap((entry) => itemsOf(entry, onInvalid));
        learn();
        return items;
      },
      end() {
        splitter.end();
        return [];
      },
    };
  }
}

interface Parser {
  push(text: string): InventoryItem[];
  end(): InventoryItem[];
}

type OnInvalid = InventoryReaderOptions["onInvalid"];

function csvParser(onInvalid: OnInvalid): Parser {
  let rows: CsvRows | null = null;
  let rest = "";
  const read = (line: string): InventoryItem[] => {
    if (rows === null) {
      rows = new CsvRows(line);
      return [];
    }
    return entriesOf(rows, line, onInvalid).flatMap((entry) => itemsOf(entry, onInvalid));
  };
  return {
    push(text) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > lineLengthMax) {
        throw new InventoryFormatError(`The inventory has a line longer than ${lineLengthMax} characters`);
      }
      return lines.flatMap(read);
    },
    end: () => (rest === "" ? [] : read(rest)),
  };
}

function entriesOf(rows: CsvRows, line: string, onInvalid: OnInvalid): object[] {
  try {
    const row = rows.row(line);
    return [{ ...row, Size: /^[0-9]{1,15}$/.test(row.Size) ? Number(row.Size) : row.Size }];
  } catch (error) {
    return leftOut(line, error, onInvalid);
  }
}

/** Returns the entry's archive, or none if the entry is invalid and may be left out. */
function itemsOf(entry: unknown, onInvalid: OnInvalid): InventoryItem[] {
  try {
    return [itemOf(entry)];
  } catch (error) {
    return leftOut(JSON.stringify(entry), error, onInvalid);
  }
}

function leftOut(text: string, error: unknown, onInvalid: OnInvalid): [] {
  if (onInvalid === undefined || !(error instanceof InventoryFormatError)) {
    throw error;
  }
  onInvalid(invalid(text, error.message));
  return [];
}

const invalid = (text: string, reason: string): InvalidEntry => ({ text: text.slice(0, excerptLengthMax), reason });

function itemOf(entry: unknown): InventoryItem {
  const fields = (entry ?? {}) as Record<string, unknown>;
  const { ArchiveId, ArchiveDescription, CreationDate, Size, SHA256TreeHash } = fields;
  const hash = typeof SHA256TreeHash === "string" ? SHA256TreeHash.toLowerCase() : "";
  const isEntry = typeof ArchiveId === "string" && typeof CreationDate === "string" && isSize(Size);
  if (!isEntry || !isTreeHash(hash)) {
    throw new InventoryFormatError(
      `Invalid entry of an inventory: ${JSON.stringify(entry).slice(0, excerptLengthMax)}`,
    );
  }
  return {
    archiveId: ArchiveId as ArchiveId,
    archiveDescription: typeof ArchiveDescription === "string" ? ArchiveDescription : "",
    creationDate: dateOf(CreationDate),
    sizeBytes: Size,
    treeHash: hash,
  };
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Parses a date with milliseconds or without: AWS has written both. */
function dateOf(text: string): Date {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) {
    throw new InventoryFormatError(`Invalid date in an inventory: ${text.slice(0, 50)}`);
  }
  return date;
}
