import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { BucketError } from "./bucket-error.ts";
import type { BucketUrl } from "./bucket-url.ts";
import { connectBucket, isMissing, isPassing, type S3Connection, type Sdk, statusOf } from "./connection.ts";

/** Bytes that can be sent again: each call of `stream` begins with the first. */
export interface Upload {
  readonly sizeBytes: number;
  readonly sha256: Buffer;
  stream(): AsyncIterable<Uint8Array>;
}

export interface ListedObject {
  /** Below the prefix. */
  readonly key: string;
  readonly sizeBytes: number;
}

/** An object, or a folder: its name has a slash at its end. */
export interface BucketEntry {
  /** Below the prefix. */
  readonly name: string;
  /** Null when it is not known. */
  readonly changedAt: number | null;
}

const attemptsMax = 3;
const limits = { attemptsMax, connectMilliseconds: 10_000, silentMilliseconds: 120_000 };

/** Objects below a prefix of a bucket. */
export class Bucket {
  readonly url: BucketUrl;
  readonly #sdk: Sdk;
  readonly #client: S3Client;

  readonly #at: S3Connection["at"];

  constructor({ url, sdk, client, at }: S3Connection) {
    this.url = url;
    this.#sdk = sdk;
    this.#client = client;
    this.#at = at;
  }

  close(): void {
    this.#client.destroy();
  }

  /** Null when there is none. */
  async sizeOf(key: string): Promise<number | null> {
    return (await this.#head(key))?.ContentLength ?? null;
  }

  /** When it was last written; null when there is none. */
  async writtenAt(key: string): Promise<Date | null> {
    return (await this.#head(key))?.LastModified ?? null;
  }

  /** All of a small object; null when there is none. */
  async text(key: string): Promise<string | null> {
    try {
      const { Body } = await this.#client.send(new this.#sdk.GetObjectCommand(this.#at(key)));
      return (await Body?.transformToString()) ?? "";
    } catch (error) {
      return nullIfMissing(error);
    }
  }

  /** The bytes from a position on; null when there is no such object. */
  async from(key: string, position: number): Promise<Readable | null> {
    try {
      const Range = `bytes=${position}-`;
      const { Body } = await this.#client.send(new this.#sdk.GetObjectCommand({ ...this.#at(key), Range }));
      return Body as Readable;
    } catch (error) {
      return nullIfMissing(error);
    }
  }

  /** Pages of the objects whose keys begin so, in the order of their keys. */
  async *list(prefix: string): AsyncGenerator<readonly ListedObject[], void, void> {
    const { bucket: Bucket, prefix: own } = this.url;
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket, Prefix: `${own}${prefix}`, ContinuationToken };
      const page = await this.#client.send(new this.#sdk.ListObjectsV2Command(input));
      yield (page.Contents ?? []).map(({ Key = "", Size = 0 }) => ({ key: Key.slice(own.length), sizeBytes: Size }));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  /** Pages of the objects whose names have no slash, and of the folders that the names of all others begin with. */
  async *entries(): AsyncGenerator<readonly BucketEntry[], void, void> {
    const { bucket: Bucket, prefix: Prefix } = this.url;
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket, Prefix, Delimiter: "/", ContinuationToken };
      const page = await this.#client.send(new this.#sdk.ListObjectsV2Command(input));
      const objects = (page.Contents ?? []).map(({ Key = "", LastModified }) => ({
        name: Key.slice(Prefix.length),
        changedAt: LastModified?.getTime() ?? null,
      }));
      const folders = (page.CommonPrefixes ?? []).map((found) => (found.Prefix ?? "").slice(Prefix.length));
      yield [...objects, ...folders.map((name) => ({ name, changedAt: null }))];
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  /** The names between the prefix and the next slash. */
  async folders(prefix: string): Promise<string[]> {
    const { bucket: Bucket, prefix: own } = this.url;
    const Prefix = `${own}${prefix}`;
    const names: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const input = { Bucket, Prefix, Delimiter: "/", ContinuationToken };
      const page = await this.#client.send(new this.#sdk.ListObjectsV2Command(input));
      names.push(...(page.CommonPrefixes ?? []).map((found) => (found.Prefix ?? "").slice(Prefix.length, -1)));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    return names;
  }

  /** Stores a small object. False when there is one already and it must not be replaced, where the service knows that condition. */
  async putText(key: string, text: string, mayReplace = true): Promise<boolean> {
    try {
      const IfNoneMatch = mayReplace ? undefined : "*";
      await this.#client.send(new this.#sdk.PutObjectCommand({ ...this.#at(key), Body: text, IfNoneMatch }));
      return true;
    } catch (error) {
      const status = statusOf(error) ?? 0;
      if (mayReplace || ![409, 412, 501].includes(status)) {
        throw error;
      }
      // A service that does not know conditions says so, or ignores them.
      return status === 501 && (await this.putText(key, text));
    }
  }

  /** Stores an object in one request, and compares what the service says that it has with the hash. Rejects with the body's own errors. */
  async put(key: string, upload: Upload): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#putOnce(key, upload);
        await this.#assertStored(key, upload);
        return;
      } catch (error) {
        // A stream is sent once: the SDK cannot repeat it.
        if (attempt === attemptsMax || !isPassing(error)) {
          throw error;
        }
      }
    }
  }

  async remove(key: string): Promise<void> {
    await this.#client.send(new this.#sdk.DeleteObjectCommand(this.#at(key)));
  }

  async #putOnce(key: string, { sizeBytes, sha256, stream }: Upload): Promise<void> {
    const stopping = new AbortController();
    let failure: unknown;
    async function* body() {
      try {
        yield* stream();
      } catch (error) {
        // The request would wait for the rest.
        failure = error;
        stopping.abort();
      }
    }
    const Body = Readable.from(body(), { objectMode: false });
    const ChecksumSHA256 = sha256.toString("base64");
    const input = { ...this.#at(key), Body, ContentLength: sizeBytes, ChecksumSHA256 };
    try {
      await this.#client.send(new this.#sdk.PutObjectCommand(input), { abortSignal: stopping.signal });
    } catch (error) {
      throw failure ?? error;
    } finally {
      Body.destroy();
    }
  }

  async #assertStored(key: string, { sizeBytes, sha256 }: Upload): Promise<void> {
    const found = await this.#head(key);
    const hash = found?.ChecksumSHA256 ?? (await this.#hashOf(key));
    if (found?.ContentLength !== sizeBytes || hash !== sha256.toString("base64")) {
      throw new BucketError(
        `${this.url.name}/${key} does not have the bytes that were stored: ${found?.ContentLength ?? "no"} bytes with the hash ${hash}`,
      );
    }
  }

  /** Reads it back, where a service keeps no checksums. */
  async #hashOf(key: string): Promise<string | null> {
    const digest = createHash("sha256");
    const stream = await this.from(key, 0);
    for await (const bytes of stream ?? []) {
      digest.update(bytes);
    }
    return stream === null ? null : digest.digest("base64");
  }

  async #head(key: string) {
    try {
      const input = { ...this.#at(key), ChecksumMode: "ENABLED" } as const;
      return await this.#client.send(new this.#sdk.HeadObjectCommand(input));
    } catch (error) {
      return nullIfMissing(error);
    }
  }
}

export const openBucket = async (url: BucketUrl): Promise<Bucket> => new Bucket(await connectBucket(url, limits));

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) {
    return null;
  }
  throw error;
}
