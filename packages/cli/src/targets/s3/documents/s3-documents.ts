import { setTimeout as pause } from "node:timers/promises";
import { ownFolder, topDocuments } from "../../folder/documents.ts";
import type { TargetDocuments } from "../../target.ts";
import { ObjectReader } from "../object-reader.ts";
import type { S3Objects } from "../s3-objects.ts";
import type { S3Uploads } from "../s3-uploads.ts";
import { type Piece, piecesOf } from "./document-pieces.ts";
import { writeDocument } from "./write-document.ts";

/** An append writes its piece again, so a larger piece costs more traffic, and smaller ones make more objects. */
const pieceBytesMax = 128 * 1024;
/** The least time between two appends, each of which is a request that costs money. */
const appendMilliseconds = 200;

interface Appended {
  /** Bytes of the document before the current piece. */
  beforeBytes: number;
  number: number;
  bytes: Buffer;
}

/**
 * Documents as objects. S3 cannot append: a document that grows is an object and pieces after it, which are numbered, and of which the last
 * one is replaced until it is full. A piece is complete or missing, so no line is ever cut.
 */
export class S3Documents implements TargetDocuments {
  readonly #objects: S3Objects;
  readonly #uploads: S3Uploads;
  readonly #signal: AbortSignal;
  readonly #appended = new Map<string, Appended>();
  #last: Promise<unknown> = Promise.resolve();
  #lockLost: AbortSignal | null = null;
  #lastAppend = Number.NEGATIVE_INFINITY;

  /** @param signal ends all calls */
  constructor({ objects, uploads }: { readonly objects: S3Objects; readonly uploads: S3Uploads }, signal: AbortSignal) {
    this.#objects = objects;
    this.#uploads = uploads;
    this.#signal = signal;
  }

  /** Appends nothing any more once another process has the target: both would write the same piece. */
  endWith(lockLost: AbortSignal): void {
    this.#lockLost = lockLost;
  }

  append(name: string, text: string): Promise<number> {
    return this.#inTurn(() => this.#append(name, Buffer.from(text)));
  }

  write(name: string, text: AsyncIterable<string>): Promise<void> {
    return this.#inTurn(() => this.#write(name, encoded(text)));
  }

  async read(name: string, firstByte = 0): Promise<AsyncIterable<Uint8Array> | null> {
    const pieces = await this.#piecesOf(name);
    return pieces.length === 0 ? null : this.#bytesOf(pieces, firstByte);
  }

  /** Copies all pieces into one object. */
  join(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const pieces = await this.#piecesOf(name);
      if (pieces.some(({ number }) => number > 0)) {
        await this.#write(name, this.#bytesOf(pieces, 0));
      }
    });
  }

  async #append(name: string, bytes: Buffer): Promise<number> {
    await pause(Math.max(0, this.#lastAppend + appendMilliseconds - performance.now()), undefined, {
      signal: this.#signal,
    });
    this.#lockLost?.throwIfAborted();
    const appended = this.#appended.get(name) ?? (await this.#startPiece(name));
    const isFull = appended.bytes.length > 0 && appended.bytes.length + bytes.length > pieceBytesMax;
    const next = isFull
      ? { beforeBytes: appended.beforeBytes + appended.bytes.length, number: appended.number + 1, bytes }
      : { ...appended, bytes: Buffer.concat([appended.bytes, bytes]) };
    // A failed append may have been carried out: then the next one replaces its piece.
    this.#appended.set(name, isFull ? { ...next, bytes: Buffer.alloc(0) } : appended);
    const signal = this.#lockLost === null ? this.#signal : AbortSignal.any([this.#signal, this.#lockLost]);
    await this.#objects.put(pieceKey(name, next.number), next.bytes, signal);
    this.#appended.set(name, next);
    this.#lastAppend = performance.now();
    return next.beforeBytes + next.bytes.length;
  }

  async #startPiece(name: string): Promise<Appended> {
    const pieces = await this.#piecesOf(name);
    const beforeBytes = pieces.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return { beforeBytes, number: (pieces.at(-1)?.throughNumber ?? 0) + 1, bytes: Buffer.alloc(0) };
  }

  async #write(name: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const pieces = await this.#piecesOf(name);
    const through = pieces.at(-1)?.throughNumber ?? 0;
    await writeDocument(
      { objects: this.#objects, uploads: this.#uploads },
      documentKey(name),
      { bytes, through },
      this.#signal,
    );
    this.#appended.delete(name);
    // From here on readers pass over the pieces.
    for await (const { key } of this.#objects.list(pieceFolder(name), this.#signal)) {
      await this.#objects.remove(key, this.#signal);
    }
  }

  #piecesOf(name: string): Promise<readonly Piece[]> {
    return piecesOf(this.#objects, { key: documentKey(name), folder: pieceFolder(name) }, this.#signal);
  }

  async *#bytesOf(pieces: readonly Piece[], firstByte: number): AsyncGenerator<Uint8Array, void, void> {
    let position = 0;
    for (const { key, sizeBytes } of pieces) {
      const skippedBytes = Math.max(0, firstByte - position);
      position += sizeBytes;
      const version = { sizeBytes, etag: undefined };
      for await (const bytes of new ObjectReader(this.#objects, key, version, this.#signal, skippedBytes)) {
        yield bytes ?? missing(key);
      }
    }
  }

  #inTurn<Value>(work: () => Promise<Value>): Promise<Value> {
    const working = this.#last.then(work);
    this.#last = working.catch(() => undefined);
    return working;
  }
}

/** Whether a key is one of the target's own, and no archive's. */
export const isOwnKey = (key: string): boolean => topDocuments.has(key) || key.startsWith(`${ownFolder}/`);

const documentKey = (name: string): string => (topDocuments.has(name) ? name : `${ownFolder}/${name}`);
const pieceFolder = (name: string): string => `${ownFolder}/${name}.pieces/`;
/** In the order of the numbers. */
const pieceKey = (name: string, number: number): string => `${pieceFolder(name)}${String(number).padStart(12, "0")}`;

async function* encoded(text: AsyncIterable<string>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of text) {
    yield Buffer.from(piece);
  }
}

function missing(key: string): never {
  throw new Error(`The object ${key} was removed while the document was read`);
}
