import { createHash, type KeyObject } from "node:crypto";
import { inParallel } from "@moraine/client/node";
import { type Target, TargetUnavailableError, UncheckableError } from "../targets/target.ts";
import { CheckJournal } from "./check/check-journal.ts";
import type { CheckFinding, CheckResult, CheckTotals } from "./check/check-result.ts";
import { SoundBatch } from "./check/sound-batch.ts";
import { manifestName } from "./document-names.ts";
import { type ManifestEntry, ManifestError } from "./manifest-entry.ts";
import { readManifest } from "./manifest-reader.ts";
import { checkSignature } from "./signature.ts";

const batchSize = 500;
/** Copies in a row that cannot be read, for which the target as a whole is the reason. */
const unavailableMax = 20;

export interface CheckOptions {
  /** A file that remembers the sound copies of an interrupted check. */
  readonly journal: string;
  /** Copies read at the same time. @default 4 */
  readonly concurrency?: number | undefined;
  /** The key that must have signed the manifest. Null accepts an unsigned one, and one that was signed by the key next to it. */
  readonly trustedKey: KeyObject | null;
  readonly signal: AbortSignal;
  readonly onFinding: (finding: CheckFinding) => void;
  /** Called after each copy. */
  readonly onProgress: (totals: CheckTotals) => void;
}

type Checked = Pick<Target, "url" | "documents" | "list" | "check">;

/**
 * Checks each copy of a target against its manifest, without the vault: it reads every byte, and compares both hashes. After an interruption,
 * the next call reads only what was not found sound, unless the manifest has changed since. Throws ManifestError without a manifest, and
 * TargetUnavailableError.
 */
export async function checkTarget(target: Checked, options: CheckOptions): Promise<CheckResult> {
  const signature = await checkSignature(target.documents, options.trustedKey);
  const manifest = { target: target.url, sha256: await manifestHash(target) };
  using journal = CheckJournal.open(options.journal, manifest);
  const check = new TargetCheck(target, journal, options);
  await check.recordEntries();
  await check.listTarget();
  await check.checkCopies();
  if (check.totals.unchecked === 0) {
    journal.discard();
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
  readonly #journal: CheckJournal;
  readonly #options: CheckOptions;
  #unavailable = 0;

  constructor(target: Checked, journal: CheckJournal, options: CheckOptions) {
    this.#target = target;
    this.#journal = journal;
    this.#options = options;
  }

  async recordEntries(): Promise<void> {
    if (this.#journal.isRecorded) {
      return;
    }
    for await (const batch of this.#entries(() => undefined)) {
      this.#journal.record(batch.map(({ entry, copy }) => ({ entry, location: copy.location })));
    }
    this.#journal.setRecorded();
  }

  /** Reports what the target has and the manifest lacks. */
  async listTarget(): Promise<void> {
    const { signal } = this.#options;
    for await (const batch of inBatches(this.#target.list(signal), batchSize)) {
      for (const { location } of this.#journal.list(batch)) {
        this.totals.extra += 1;
        this.#options.onFinding({ finding: "extra", location, archiveId: null, reason: null });
      }
      signal.throwIfAborted();
    }
  }

  async checkCopies(): Promise<void> {
    const { concurrency = 4, signal, onProgress } = this.#options;
    using sound = new SoundBatch(this.#journal);
    const check = async ({ copy, listedBytes }: Unchecked, ending: AbortSignal) => {
      const finding = await this.#findingOf(copy, listedBytes, ending);
      if (finding === null) {
        sound.add(copy.location, copy.sizeBytes);
        this.#countSound(copy);
      } else {
        this.#report(copy, finding);
      }
      onProgress(this.totals);
    };
    await inParallel(this.#unchecked(), concurrency, check, signal);
  }

  /** Yields the copies that are not known to be sound. */
  async *#unchecked(): AsyncGenerator<Unchecked, void, void> {
    for await (const batch of this.#entries((line, reason) => this.#reportLine(line, reason))) {
      for (const { entry, copy } of batch) {
        const state = this.#journal.stateOf(copy.location);
        if (state?.entry !== entry) {
          continue; // A later entry of the same location counts.
        }
        if (state.isSound && state.listedBytes === copy.sizeBytes) {
          this.totals.soundBefore += 1;
          this.#countSound(copy);
        } else {
          yield { copy, listedBytes: state.listedBytes };
        }
      }
    }
  }

  async #findingOf(copy: ManifestEntry, listedBytes: number | null, signal: AbortSignal): Promise<Finding | null> {
    if (listedBytes !== null && listedBytes !== copy.sizeBytes) {
      return { finding: "changed", reason: `has ${listedBytes} bytes, expected ${copy.sizeBytes}` };
    }
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

  async *#entries(onInvalid: (line: number, reason: string) => void): AsyncGenerator<Numbered[], void, void> {
    let entry = 0;
    for await (const batch of readManifest(await manifestOf(this.#target), { onInvalid })) {
      this.#options.signal.throwIfAborted();
      yield batch.map((copy) => ({ entry: ++entry, copy }));
    }
  }
}

interface Numbered {
  readonly entry: number;
  readonly copy: ManifestEntry;
}

interface Unchecked {
  readonly copy: ManifestEntry;
  readonly listedBytes: number | null;
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

async function manifestHash(target: Checked): Promise<string> {
  const digest = createHash("sha256");
  for await (const piece of await manifestOf(target)) {
    digest.update(piece);
  }
  return digest.digest("hex");
}

async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[], void, void> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
  }
  if (batch.length > 0) {
    yield batch;
  }
}
