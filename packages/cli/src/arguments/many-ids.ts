import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { onOneLine } from "../terminal/printable.ts";
import { findList, type ListFile, unreadable } from "./list-file.ts";

const batchSize = 500;
/** More than the longest line with an id. */
const lineLengthMax = 4096;

type Tools = Pick<CommandContext, "pathOf" | "stdin">;

/** Ids as users give them: each one itself, `@FILE` for a file with one a line, or `-` for standard input. */
export class ManyIds {
  readonly #given: readonly (string | ListFile)[];
  /** A stream whose first ids were read. */
  #unread: AsyncIterable<readonly string[]> | null = null;
  #counted: number | null = null;
  /** Ids that the last reader got. */
  #read = 0;

  private constructor(given: readonly (string | ListFile)[]) {
    this.#given = given;
  }

  /** Throws UsageError for a file that cannot be read. */
  static async of(tools: Tools, given: readonly string[]): Promise<ManyIds> {
    const isList = (text: string) => text === "-" || text.startsWith("@");
    const listOf = (text: string) => findList(tools, text.startsWith("@") ? text.slice(1) : text);
    return new ManyIds(await Promise.all(given.map((text) => (isList(text) ? listOf(text) : text))));
  }

  /** The first list that can be read only once, a pipe; null if there is none. */
  get stream(): string | null {
    return this.#lists.find(({ isRepeatable }) => !isRepeatable)?.name ?? null;
  }

  /** Returns the id if there is exactly one, else null. Throws UsageError for none. Called before a stream is read. */
  async single(): Promise<string | null> {
    const batches = this.batches();
    const [first, second] = [await batches.next(), await batches.next()];
    if (first.done) {
      const names = this.#lists.map(({ name }) => name);
      throw new UsageError(`${names.join(", ")} has no id: expected one a line`);
    }
    if (this.stream !== null) {
      this.#unread = joined([first.value, ...(second.done ? [] : [second.value])], batches);
    } else {
      await batches.return();
    }
    return second.done && first.value.length === 1 ? (first.value[0] ?? null) : null;
  }

  /** Yields them in batches, which are never empty. Throws UsageError for a file that cannot be read, and a line that is no id. */
  async *batches(): AsyncGenerator<readonly string[], void, void> {
    this.#read = 0;
    for await (const batch of this.#all()) {
      this.#read += batch.length;
      yield batch;
    }
  }

  /** Yields them without repetitions, in groups of about this size, so that few of many are in memory. A later group may repeat an id. */
  async *groups(size: number): AsyncGenerator<readonly string[], void, void> {
    let group = new Set<string>();
    for await (const batch of this.batches()) {
      for (const id of batch) {
        group.add(id);
      }
      if (group.size >= size) {
        yield [...group];
        group = new Set();
      }
    }
    if (group.size > 0) {
      yield [...group];
    }
  }

  async *#all(): AsyncGenerator<readonly string[], void, void> {
    if (this.#unread !== null) {
      yield* this.#unread;
      return;
    }
    for (const given of this.#given) {
      if (typeof given === "string") {
        yield [given];
      } else {
        yield* idsIn(given);
      }
    }
  }

  /** Reads all files, so that a line that is no id is found before anything is done, and counts. Null for a stream. */
  async count(): Promise<number | null> {
    if (this.stream !== null) {
      return null;
    }
    let count = 0;
    for await (const batch of this.batches()) {
      count += batch.length;
    }
    this.#counted = count;
    return count;
  }

  /** Throws if the ids that were read after they were counted are not as many: a list has changed meanwhile. */
  assertAllRead(): void {
    if (this.#counted !== null && this.#read !== this.#counted) {
      const names = this.#lists.map(({ name }) => name).join(", ");
      throw new Error(`${names} had ${this.#counted} ids at first, then ${this.#read}: run the same command again`);
    }
  }

  get #lists(): readonly ListFile[] {
    return this.#given.filter((given) => typeof given !== "string");
  }
}

async function* idsIn(list: ListFile): AsyncGenerator<readonly string[], void, void> {
  let number = 0;
  let batch: string[] = [];
  for await (const line of linesOf(list)) {
    number += 1;
    const id = line.trim();
    if (id === "") {
      continue;
    }
    if (!/^[\w-]{1,1024}$/.test(id)) {
      const shown = onOneLine(id.slice(0, 60));
      throw new UsageError(
        `Invalid id "${shown}" in line ${number} of ${list.name}: expected letters, digits, - and _`,
      );
    }
    batch.push(id);
    if (batch.length === batchSize) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}

async function* joined(
  first: readonly (readonly string[])[],
  rest: AsyncIterable<readonly string[]>,
): AsyncGenerator<readonly string[], void, void> {
  yield* first;
  yield* rest;
}

async function* linesOf(list: ListFile): AsyncGenerator<string, void, void> {
  // Without the byte order mark that some editors write.
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  try {
    for await (const piece of list.bytes()) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      if (rest.length > lineLengthMax) {
        throw new Error("it has a line that is too long: expected one id a line");
      }
      yield* lines;
    }
  } catch (error) {
    throw unreadable(list.name, error);
  }
  yield rest;
}
