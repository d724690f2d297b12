import { type FileHandle, open, readFile } from "node:fs/promises";
import type { Call, Entry, History, Outcome } from "./calls.ts";

/**
 * Records calls and their outcomes in memory and in a file. A call's line is on the disk before the call is made, and its outcome's
 * before it is passed on, so that the history outlives the client. Calls at the same moment share a sync.
 */
export class HistoryRecorder {
  readonly entries: Entry[];
  readonly #file: FileHandle | null;
  #calls: number;
  #written: number;
  #syncing: Promise<void> | null = null;

  private constructor(file: FileHandle | null, before: History) {
    this.#file = file;
    this.entries = [...before];
    this.#calls = before.filter((entry) => "begin" in entry).length;
    this.#written = before.length;
  }

  /** Makes the file, which must not exist yet. */
  static async create(path: string): Promise<HistoryRecorder> {
    return new HistoryRecorder(await open(path, "ax", 0o600), []);
  }

  /** Continues a history in memory alone, when it is judged at once. */
  static continuing(before: History): HistoryRecorder {
    return new HistoryRecorder(null, before);
  }

  async record(call: Call, perform: (call: Call) => Promise<Outcome>): Promise<Outcome> {
    this.#calls += 1;
    const number = this.#calls;
    await this.#add({ begin: number, call });
    const outcome = await perform(call);
    await this.#add({ end: number, outcome });
    return outcome;
  }

  async note(event: "restart" | "observe"): Promise<void> {
    await this.#add({ event });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
  }

  async #add(entry: Entry): Promise<void> {
    this.entries.push(entry);
    if (this.#file === null) {
      return;
    }
    const position = this.entries.length;
    while (this.#written < position) {
      this.#syncing ??= this.#sync(this.#file).finally(() => {
        this.#syncing = null;
      });
      await this.#syncing;
    }
  }

  async #sync(file: FileHandle): Promise<void> {
    const fresh = this.entries.slice(this.#written);
    await file.appendFile(fresh.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    await file.datasync();
    this.#written += fresh.length;
  }
}

/** The history in a file. A last line without its end was not acknowledged, and is left out. */
export async function readHistory(path: string): Promise<History> {
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
}
