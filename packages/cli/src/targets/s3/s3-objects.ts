import { addAbortSignal, type Readable } from "node:stream";
import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import { bodyOf, type RequestBody, withBodyHash } from "./request-body.ts";
import { nullIfMissing, type S3Calls } from "./s3-calls.ts";
import { isOccupied } from "./s3-errors.ts";

export interface ListedObject {
  /** Below the prefix. */
  readonly key: string;
  readonly sizeBytes: number;
}

/** The calls of objects. */
export class S3Objects {
  readonly #calls: S3Calls;

  constructor(calls: S3Calls) {
    this.#calls = calls;
  }

  /** Returns the object's place, for messages. */
  shown(key: string): string {
    return this.#calls.shown(key);
  }

  close(): void {
    this.#calls.s3.client.destroy();
  }

  /** Resolves to null if there is no such object. */
  head(key: string, signal: AbortSignal): Promise<HeadObjectCommandOutput | null> {
    const { sdk, client, at } = this.#calls.s3;
    const input = { ...at(key), ChecksumMode: "ENABLED" } as const;
    return this.#calls.call(key, signal, (abortSignal) =>
      client.send(new sdk.HeadObjectCommand(input), { abortSignal }).catch(nullIfMissing),
    );
  }

  /** Opens an object from a byte on. Resolves to null if there is no such object. @param etag of the version that must still exist */
  from(key: string, firstByte: number, signal: AbortSignal, etag?: string): Promise<Readable | null> {
    const { sdk, client, at } = this.#calls.s3;
    const Range = firstByte === 0 ? undefined : `bytes=${firstByte}-`;
    return this.#calls.call(key, signal, async (abortSignal) => {
      const found = await client
        .send(new sdk.GetObjectCommand({ ...at(key), Range }), { abortSignal })
        .catch(nullIfMissing);
      if (found === null) {
        return null;
      }
      const body = found.Body as Readable;
      if (etag !== undefined && found.ETag !== etag) {
        body.destroy();
        throw new Error(`${this.#calls.shown(key)} was replaced while it was read`);
      }
      return addAbortSignal(signal, body);
    });
  }

  /** Stores an object. Resolves to false, and stores nothing, if one exists, where the store knows that condition. */
  async create(
    key: string,
    part: RequestBody,
    metadata: Record<string, string>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { sdk, client, at } = this.#calls.s3;
    const send = (abortSignal: AbortSignal) => {
      const input = {
        ...at(key),
        ...bodyOf(part),
        Metadata: metadata,
        IfNoneMatch: this.#calls.knowsConditions ? "*" : undefined,
        ChecksumSHA256: this.#calls.knowsSha256 ? Buffer.from(part.sha256, "hex").toString("base64") : undefined,
      };
      return client.send(withBodyHash(new sdk.PutObjectCommand(input), part.sha256), { abortSignal });
    };
    return this.#calls.call(key, signal, async (abortSignal) => {
      try {
        await this.#calls.orSimpler(() => send(abortSignal));
        return true;
      } catch (error) {
        if (isOccupied(error)) {
          return false;
        }
        throw error;
      }
    });
  }

  /** Stores a document, which may replace an earlier one. */
  async put(key: string, bytes: Uint8Array, signal: AbortSignal, metadata?: Record<string, string>): Promise<void> {
    const { sdk, client, at } = this.#calls.s3;
    const input = { ...at(key), Body: bytes, ContentLength: bytes.length, Metadata: metadata };
    await this.#calls.call(key, signal, (abortSignal) => client.send(new sdk.PutObjectCommand(input), { abortSignal }));
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    const { sdk, client, at } = this.#calls.s3;
    await this.#calls.call(key, signal, (abortSignal) =>
      client.send(new sdk.DeleteObjectCommand(at(key)), { abortSignal }).catch(nullIfMissing),
    );
  }

  /** Yields the objects whose keys begin so, in the order of their keys. */
  async *list(keyPrefix: string, signal: AbortSignal): AsyncGenerator<ListedObject, void, void> {
    const { sdk, client, url } = this.#calls.s3;
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket: url.bucket, Prefix: `${url.prefix}${keyPrefix}`, ContinuationToken };
      const page = await this.#calls.call(keyPrefix, signal, (abortSignal) =>
        client.send(new sdk.ListObjectsV2Command(input), { abortSignal }),
      );
      for (const { Key = "", Size = 0 } of page.Contents ?? []) {
        yield { key: Key.slice(url.prefix.length), sizeBytes: Size };
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }
}
