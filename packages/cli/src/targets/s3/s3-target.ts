import type { CredentialProvider } from "@moraine/client/node";
import { PartBuffers } from "../parts/part-buffers.ts";
import { inMemoryBytesMax } from "../parts/part-size.ts";
import {
  type ArchiveFacts,
  type ArchiveOutput,
  type CopyFacts,
  type CopyState,
  probeName,
  probeText,
  type StoredCopy,
  type StoreOptions,
  type Target,
} from "../target.ts";
import { parseBucketUrl } from "./bucket-url.ts";
import { isOwnKey, S3Documents } from "./documents/s3-documents.ts";
import { checkObject, findObject } from "./find-object.ts";
import { journaledUpload, partJournalPath, removeJournal } from "./part-journal.ts";
import { S3Calls } from "./s3-calls.ts";
import { connectBucket } from "./s3-connection.ts";
import { S3Lock } from "./s3-lock.ts";
import { S3Objects } from "./s3-objects.ts";
import type { S3Parts } from "./s3-parts.ts";
import { S3Uploads } from "./s3-uploads.ts";
import { storeInParts } from "./store-in-parts.ts";
import { storeObject } from "./store-object.ts";

export interface S3TargetOptions {
  /** Finds the credentials of the store. @default where AWS's SDK finds them */
  readonly credentials?: CredentialProvider | undefined;
  /** A local folder for what resumes uploads. It may be lost: then parts are sent again. */
  readonly stateFolder: string;
}

/** Keeps copies as objects of a bucket, each under its archive's path. */
export class S3Target implements Target, AsyncDisposable {
  readonly url: string;
  readonly documents: S3Documents;
  readonly checksAtOnce = 16;
  readonly #parts: S3Parts;
  readonly #closing: AbortController;
  #lockLost: AbortSignal | null = null;

  private constructor(url: string, parts: S3Parts, closing: AbortController) {
    this.url = url;
    this.#parts = parts;
    this.#closing = closing;
    this.documents = new S3Documents(parts, closing.signal);
  }

  /** Opens a place like `s3://bucket/prefix?endpoint=…&region=…`. Throws InvalidTargetError. */
  static async open(text: string, { credentials, stateFolder }: S3TargetOptions): Promise<S3Target> {
    const url = parseBucketUrl(text);
    const calls = new S3Calls(await connectBucket(url, credentials));
    const parts = {
      prefix: url.prefix,
      objects: new S3Objects(calls),
      uploads: new S3Uploads(calls),
      buffers: new PartBuffers(stateFolder),
      stateFolder,
    };
    return new S3Target(text, parts, new AbortController());
  }

  async lock(signal: AbortSignal): Promise<AsyncDisposable> {
    const lock = await S3Lock.take(this.#parts.objects, this.#parts.stateFolder, signal);
    this.#lockLost = lock.lost;
    this.documents.endWith(lock.lost);
    return lock;
  }

  freeBytes(): Promise<null> {
    return Promise.resolve(null);
  }

  probe(): Promise<void> {
    return this.documents.write(probeName, probeText());
  }

  find(archive: ArchiveFacts, signal: AbortSignal): Promise<StoredCopy | null> {
    return findObject(this.#parts, archive, signal);
  }

  async store(archive: ArchiveFacts, output: ArchiveOutput, options: StoreOptions): Promise<StoredCopy> {
    const signal = this.#lockLost === null ? options.signal : AbortSignal.any([options.signal, this.#lockLost]);
    const existing = await findObject(this.#parts, archive, signal);
    if (existing !== null) {
      return existing;
    }
    const store = archive.sizeBytes <= inMemoryBytesMax ? storeObject : storeInParts;
    return store(this.#parts, archive, output, { ...options, signal });
  }

  /** Aborts the unfinished upload of an archive. */
  async abandon(archive: ArchiveFacts, signal: AbortSignal): Promise<void> {
    const path = partJournalPath(this.#parts.stateFolder, archive);
    const upload = await journaledUpload(path);
    if (upload !== null) {
      await this.#parts.uploads.abort(upload.key, upload.uploadId, signal);
      await removeJournal(path);
    }
  }

  check(copy: CopyFacts, signal: AbortSignal): Promise<CopyState> {
    return checkObject(this.#parts, copy, signal);
  }

  async *list(
    signal: AbortSignal,
  ): AsyncGenerator<{ readonly location: string; readonly sizeBytes: number }, void, void> {
    for await (const { key, sizeBytes } of this.#parts.objects.list("", signal)) {
      if (!isOwnKey(key)) {
        yield { location: key, sizeBytes };
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Error("The target was closed"));
    this.#parts.objects.close();
    await this.#parts.buffers[Symbol.asyncDispose]();
  }
}
