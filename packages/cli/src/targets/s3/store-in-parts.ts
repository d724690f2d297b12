import { inParallel, TreeHash, VerificationError } from "@moraine/client/node";
import { partSizeFor } from "../parts/part-size.ts";
import { verifiedRange } from "../parts/verified-range.ts";
import {
  type ArchiveFacts,
  type ArchiveOutput,
  type StoredCopy,
  type StoreOptions,
  TargetOccupiedError,
} from "../target.ts";
import { copyOf } from "./find-object.ts";
import { PartJournal, partJournalPath, type SentPart } from "./part-journal.ts";
import { readBack } from "./read-back.ts";
import { keyOf } from "./s3-key.ts";
import { isOfArchive, metadataOf } from "./s3-metadata.ts";
import type { S3Parts } from "./s3-parts.ts";

const concurrency = 4;

/**
 * Stores an archive in parts, several at once. Parts that an earlier run has sent are not fetched again. The object gets its name once the
 * tree hashes of all parts make the archive's, and is read back then: its SHA-256 can only be computed in order.
 */
export async function storeInParts(
  parts: S3Parts,
  archive: ArchiveFacts,
  output: ArchiveOutput,
  options: StoreOptions,
): Promise<StoredCopy> {
  const key = keyOf(archive.path, parts.prefix);
  const partSizeBytes = partSizeFor(archive.sizeBytes);
  const path = partJournalPath(parts.stateFolder, archive);
  await using journal = await PartJournal.open(path, { key, treeHash: archive.treeHash, partSizeBytes });
  const upload = new PartsUpload(parts, { archive, key, partSizeBytes }, journal, options.signal);
  await upload.resumeOrBegin();
  await upload.sendMissing(output, options);
  await upload.assertWhole();
  const copy = await upload.complete();
  await upload.abortOthers();
  await journal.remove();
  return copy;
}

interface Subject {
  readonly archive: ArchiveFacts;
  readonly key: string;
  readonly partSizeBytes: number;
}

class PartsUpload {
  readonly #parts: S3Parts;
  readonly #subject: Subject;
  readonly #journal: PartJournal;
  readonly #signal: AbortSignal;
  readonly #known = new Map<number, SentPart>();

  constructor(parts: S3Parts, subject: Subject, journal: PartJournal, signal: AbortSignal) {
    this.#parts = parts;
    this.#subject = subject;
    this.#journal = journal;
    this.#signal = signal;
  }

  /** Finds out which parts the store has, or starts an upload. */
  async resumeOrBegin(): Promise<void> {
    const { uploads } = this.#parts;
    const { archive, key } = this.#subject;
    const { uploadId } = this.#journal;
    const stored = uploadId === null ? null : await uploads.parts(key, uploadId, this.#signal);
    if (stored === null) {
      await this.abortOthers();
      await this.#journal.begin(await uploads.begin(key, metadataOf(archive), this.#signal));
      return;
    }
    for (const part of this.#journal.parts.values()) {
      if (stored.get(part.number) === part.etag) {
        this.#known.set(part.number, part);
      }
    }
  }

  /**
   * Aborts uploads of the same key, whose parts cost money as long as they exist: of a run whose journal was lost, or of a response that was
   * lost, after which another upload was started.
   */
  async abortOthers(): Promise<void> {
    const { uploads } = this.#parts;
    const { key } = this.#subject;
    for (const unknown of await uploads.unfinished(key, this.#signal)) {
      await uploads.abort(key, unknown, this.#signal);
    }
  }

  async sendMissing(output: ArchiveOutput, options: StoreOptions): Promise<void> {
    const { uploads, buffers } = this.#parts;
    const { key } = this.#subject;
    const send = async ({ number, firstByte, lastByte }: PartRange, signal: AbortSignal) => {
      const bytes = verifiedRange(output, { firstByte, lastByte }, { ...options, signal });
      await using held = await buffers.hold(bytes, lastByte - firstByte + 1, signal);
      const etag = await uploads.putPart(key, { uploadId: this.#uploadId, number }, held, signal);
      const part = { number, etag, treeHash: held.treeHash };
      await this.#journal.add(part);
      this.#known.set(number, part);
    };
    await inParallel(this.#missing(), concurrency, send, this.#signal);
  }

  /** Throws VerificationError, and aborts the upload, if the parts make another archive. */
  async assertWhole(): Promise<void> {
    const { archive, key } = this.#subject;
    const computed = await TreeHash.ofParts(this.#inOrder().map(({ treeHash }) => treeHash));
    if (computed !== archive.treeHash) {
      await this.#parts.uploads.abort(key, this.#uploadId, this.#signal);
      await this.#journal.remove();
      const what = { range: null, expected: archive.treeHash, computed };
      throw new VerificationError(what, "Nothing was stored, and the upload was aborted.");
    }
  }

  async complete(): Promise<StoredCopy> {
    const { objects, uploads } = this.#parts;
    const { archive, key } = this.#subject;
    // Most stores ignore the condition of a Complete.
    const other = await objects.head(key, this.#signal);
    if (other === null) {
      const etags = this.#inOrder().map(({ etag }) => etag);
      await uploads.complete(key, this.#uploadId, etags, this.#signal);
    }
    const head = await objects.head(key, this.#signal);
    if (head === null || !isOfArchive(head.Metadata, archive)) {
      const message = `${objects.shown(key)} ${head === null ? "does not exist, although its upload was completed" : "was written by another program"}`;
      throw head === null ? new Error(message) : new TargetOccupiedError(message);
    }
    const { sizeBytes } = archive;
    const found = await readBack(objects, key, { etag: head.ETag, sizeBytes }, this.#signal);
    if (found?.treeHash !== archive.treeHash || found.sizeBytes !== sizeBytes) {
      throw new Error(
        `${objects.shown(key)} does not have the bytes that the store has accepted: remove it, and try again`,
      );
    }
    return copyOf(key, found.sha256, head.ETag);
  }

  get #uploadId(): string {
    return this.#journal.uploadId ?? "";
  }

  #inOrder(): SentPart[] {
    return [...this.#known.values()].sort((one, other) => one.number - other.number);
  }

  *#missing(): Generator<PartRange, void, void> {
    const { archive, partSizeBytes } = this.#subject;
    for (let number = 1; (number - 1) * partSizeBytes < archive.sizeBytes; number += 1) {
      const firstByte = (number - 1) * partSizeBytes;
      if (!this.#known.has(number)) {
        yield { number, firstByte, lastByte: Math.min(firstByte + partSizeBytes, archive.sizeBytes) - 1 };
      }
    }
  }
}

interface PartRange {
  readonly number: number;
  readonly firstByte: number;
  readonly lastByte: number;
}
