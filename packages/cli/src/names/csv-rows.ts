export interface CsvRow {
  readonly fields: readonly string[];
  /** The line on which the row begins; the first is 1. */
  readonly line: number;
}

/**
 * Parses CSV (RFC 4180) in UTF-8, with lines that end in LF, CRLF or CR. Empty lines are left out, and a quote inside a field that does not
 * begin with one is taken as it is. Memory is bounded by the longest row. Throws SyntaxError with the number of the line.
 */
export async function* csvRows(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRow, void, void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const parser = new CsvParser();
  for await (const piece of bytes) {
    yield* parser.parse(decoded(parser, () => decoder.decode(piece, { stream: true })));
  }
  yield* parser.parse(decoded(parser, () => decoder.decode()));
  yield* parser.end();
}

function decoded(parser: CsvParser, decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new SyntaxError(`line ${parser.line} or later: not UTF-8; save the file in this encoding`);
  }
}

/** A longer one is the rest of a file after a quote that nobody closed. */
const rowLengthMax = 65_536;

class CsvParser {
  /** The line that is being read. */
  line = 1;
  #fields: string[] = [];
  #field = "";
  #rowLine = 1;
  #rowLength = 0;
  /** A quote inside quotes either ends the field or, before another, is a quote. */
  #state: "start" | "plain" | "quoted" | "after quote" = "start";
  #isAfterReturn = false;
  #isRowComplete = false;

  *parse(text: string): Generator<CsvRow, void, void> {
    let at = 0;
    while (at < text.length) {
      at = this.#state === "quoted" ? this.#parseQuoted(text, at) : this.#parsePlain(text, at);
      if (this.#isRowComplete) {
        yield this.#takeRow();
      }
    }
  }

  *end(): Generator<CsvRow, void, void> {
    if (this.#state === "quoted") {
      throw new SyntaxError(`line ${this.#rowLine}: a quote is not closed; write " as "" inside quotes`);
    }
    if (this.#state !== "start" || this.#fields.length > 0) {
      this.#endField();
      yield this.#takeRow();
    }
  }

  #parseQuoted(text: string, at: number): number {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    const piece = text.slice(at, end);
    this.line += piece.split("\n").length - 1;
    this.#append(piece);
    this.#state = quote < 0 ? "quoted" : "after quote";
    return end + (quote < 0 ? 0 : 1);
  }

  #parsePlain(text: string, at: number): number {
    if (text[at] === '"' && (this.#state === "start" || this.#state === "after quote")) {
      this.#append(this.#state === "start" ? "" : '"');
      this.#state = "quoted";
      return at + 1;
    }
    separator.lastIndex = at;
    const end = separator.exec(text)?.index ?? text.length;
    if (end > at) {
      this.#appendPlain(text.slice(at, end));
    }
    if (end < text.length) {
      this.#separate(text[end] ?? "");
    }
    return Math.min(end + 1, text.length);
  }

  #appendPlain(piece: string): void {
    if (this.#state === "after quote") {
      throw new SyntaxError(`line ${this.line}: text after a closing quote; write " as "" inside quotes`);
    }
    this.#append(piece);
    this.#state = "plain";
  }

  #append(piece: string): void {
    this.#isAfterReturn = false;
    if (this.#fields.length === 0 && this.#state === "start") {
      this.#rowLine = this.line;
    }
    this.#field += piece;
    this.#rowLength += piece.length;
    if (this.#rowLength > rowLengthMax) {
      throw new SyntaxError(`line ${this.#rowLine}: longer than ${rowLengthMax} characters; is a quote not closed?`);
    }
  }

  #separate(character: string): void {
    const isEmptyLine = this.#state === "start" && this.#fields.length === 0 && character !== ",";
    const isRestOfReturn = isEmptyLine && character === "\n" && this.#isAfterReturn;
    if (!isEmptyLine) {
      this.#append("");
      this.#endField();
    }
    if (character !== ",") {
      this.#isRowComplete = !isEmptyLine;
      this.line += isRestOfReturn ? 0 : 1;
    }
    this.#isAfterReturn = character === "\r";
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = "";
    this.#rowLength += 1;
    this.#state = "start";
  }

  #takeRow(): CsvRow {
    const row = { fields: this.#fields, line: this.#rowLine };
    this.#fields = [];
    this.#rowLength = 0;
    this.#isRowComplete = false;
    return row;
  }
}

const separator = /[,\r\n]/g;
