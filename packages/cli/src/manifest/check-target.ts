import { createHash, type Hash, type KeyObject } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { inParallel, LockFile } from "@moraine/client/node";
import { type Target, TargetUnavailableError, UncheckableError } from "../targets/target.ts";
import { CheckJournal } from "./check/check-journal.ts";
import type { CheckFinding, CheckResult, CheckTotals } from "./check/check-result.ts";
import { type Comparison, compareLists } from "./check/compare-lists.ts";
import { LocationLists } from "./check/location-lists.ts";
import { manifestName } from "./document-names.ts";
import { type ManifestEntry, ManifestError } from "./manifest-entry.ts";
import { readManifest } from "./manifest-reader.ts";
import { checkSignature } from "./signature.ts";

/** Copies in a row that cannot be read, for which the target as a whole is the reason. */
const unavailableMax = 20;

export interface CheckOptions {
  /** A file that remembers the sound copies of an interrupted check. */
  readonly journal: string;
  /** Copies read at the same time. @default as many as suit the target */
  readonly concurrency?: number | undefined;
  /** The key that must have signed the manifest. Null accepts an unsigned one, and one that was signed by the key next to it. */
  readonly trustedKey: KeyObject | null;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: CheckFinding) => void;
  /** Called after each copy. */
  readonly onProgress: (totals: CheckTotals) => void;
}

type Checked = Pick<Target, "url" | "documents" | "list" | "check" | "checksAtOnce">;

/**
 * Checks each copy of a target against its manifest, without the vault: it reads every byte, and compares both hashes. After an interruption,
 * the next call reads only what was not found sound, unless the manifest has changed since. Throws ManifestError without a manifest,
 * TransferBusyError while another process has the journal, and TargetUnavailableError.
 */
export async function checkTarget(target: Checked, options: CheckOptions): Promise<CheckResult> {
  const signature = await checkSignature(target.documents, options.trustedKey);
  await mkdir(dirname(options.journal), { recursive: true, mode: 0o700 });
  await using _lock = await LockFile.take(`${options.journal}.lock`, { signal: options.signal });
  const check = new TargetCheck(target, options);
  await using lists = await LocationLists.open(`${options.journal}.lists`);
  const manifest = await check.record(lists);
  await check.list(lists);
  const comparison = await check.compare(lists, manifest.entries);
  await using journal = await CheckJournal.open(options.journal, manifest);
  await check.checkCopies(journal, comparison);
  if (check.totals.unchecked === 0) {
    await journal.discard();
  }
  return { ...check.totals, signature };
}

class TargetCheck {
  readonly totals = {
    sound: 0,
    soundBytes: 0,
    soundBefore: 0,
    missing: 0,
    changed: 0,
    extra: 0,
    unchecked: 0,
    invalidLines: 0,
  } satisfies CheckTotals;
  readonly #target: Checked;
  readonly #options: CheckOptions;
  #unavailable = 0;

  constructor(target: Checked, options: CheckOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Lists the locations of the manifest, and reports its damaged lines. */
  async record(lists: LocationLists) {
    const digest = createHash("sha256");
    let entries = 0;
    const onInvalid = (line: number, reason: string) => this.#reportLine(line, reason);
    for await (const batch of this.#entries({ digest, onInvalid })) {
      for (const { entry, copy } of batch) {
        await lists.record(copy.location, entry, copy.sizeBytes);
        entries += 1;
      }
    }
    return { target: this.#target.url, sha256: digest.digest("hex"), entries };
  }

  async list(lists: LocationLists): Promise<void> {
    for await (const { location, sizeBytes } of this.#target.list(this.#options.signal)) {
      this.#options.signal.throwIfAborted();
      await lists.list(location, sizeBytes);
    }
  }

  /** Reports what the target has and the manifest lacks. */
  compare(lists: LocationLists, entries: number): Promise<Comparison> {
    return compareLists(lists, entries, (location) => {
      this.totals.extra += 1;
      this.#options.onFinding({ finding: "extra", location, archiveId: null, reason: null });
    });
  }

  async checkCopies(journal: CheckJournal, comparison: Comparison): Promise<void> {
    const { concurrency = this.#target.checksAtOnce ?? 4, signal, onProgress } = this.#options;
    const check = async ({ entry, copy }: Numbered, ending: AbortSignal) => {
      const finding = await this.#findingOf(copy, ending);
      if (finding === null) {
        await journal.setSound(entry, copy.sizeBytes);
        this.#countSound(copy);
      } else {
        this.#report(copy, finding);
      }
      onProgress(this.totals);
    };
    await inParallel(this.#unchecked(journal, comparison), concurrency, check, signal);
  }

  /** Yields the copies that are not known to be sound. */
  async *#unchecked(journal: CheckJournal, { replaced, differing }: Comparison): AsyncGenerator<Numbered, void, void> {
    for await (const batch of this.#entries({ onInvalid: () => undefined })) {
      for (const numbered of batch) {
        if (replaced.has(numbered.entry)) {
          continue;
        }
        if (journal.isSound(numbered.entry) && !differing.has(numbered.entry)) {
          this.totals.soundBefore += 1;
          this.#countSound(numbered.copy);
        } else {
          yield numbered;
        }
      }
    }
  }

  async #findingOf(copy: ManifestEntry, signal: AbortSignal): Promise<Finding | null> {
    try {
      const state = await this.#target.check(copy, signal);
      this.#unavailable = 0;
      return state === "sound" ? null : { finding: state, reason: null };
    } catch (error) {
      signal.throwIfAborted();
      return this.#findingOfError(error);
    }
  }

  /** Throws the error if the target cannot be used any longer. */
  #findingOfError(error: unknown): Finding {
    const isUnavailable = error instanceof TargetUnavailableError;
    this.#unavailable = isUnavailable ? this.#unavailable + 1 : 0;
    if (this.#unavailable >= unavailableMax) {
      throw error;
    }
    const finding = isUnavailable || error instanceof UncheckableError ? "unchecked" : "changed";
    return { finding, reason: (error as Error).message };
  }

  #countSound({ sizeBytes }: ManifestEntry): void {
    this.totals.sound += 1;
    this.totals.soundBytes += sizeBytes;
  }

  #report({ location, archiveId }: ManifestEntry, { finding, reason }: Finding): void {
    this.totals[finding] += 1;
    this.#options.onFinding({ finding, location, archiveId, reason });
  }

  #reportLine(line: number, reason: string): void {
    this.totals.invalidLines += 1;
    const message = `line ${line} of the manifest ${reason}`;
    this.#options.onFinding({ finding: "invalid-line", location: null, archiveId: null, reason: message });
  }

  async *#entries({ digest, onInvalid }: EntryOptions): AsyncGenerator<Numbered[], void, void> {
    let entry = 0;
    for await (const batch of readManifest(hashed(await manifestOf(this.#target), digest), { onInvalid })) {
      this.#options.signal.throwIfAborted();
      yield batch.map((copy) => ({ entry: entry++, copy }));
    }
  }
}

interface EntryOptions {
  readonly digest?: Hash;
  readonly onInvalid: (line: number, reason: string) => void;
}

interface Numbered {
  /** From 0. */
  readonly entry: number;
  readonly copy: ManifestEntry;
}

interface Finding {
  readonly finding: "missing" | "changed" | "unchecked";
  readonly reason: string | null;
}

async function manifestOf({ documents, url }: Checked): Promise<AsyncIterable<Uint8Array>> {
  const bytes = await documents.read(manifestName);
  if (bytes === null) {
    throw new ManifestError(`There is no ${manifestName} in ${url}: expected the target of a rescue`);
  }
  return bytes;
}

/** Passes bytes on, and hashes them. */
async function* hashed(bytes: AsyncIterable<Uint8Array>, digest: Hash | undefined): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    digest?.update(piece);
    yield piece;
  }
}
