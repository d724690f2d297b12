import { hash, randomBytes } from "node:crypto";
import { addAbortSignal, type Readable } from "node:stream";
import type { GetObjectCommandOutput, PutObjectCommandOutput } from "@aws-sdk/client-s3";
import { millisecondsPer } from "@moraine/protocol";
import { BlobMissingError, BlobStoreUnavailableError } from "../../../domain/stores/blob-store.ts";
import { type S3Connection, statusOf } from "../../s3/connection.ts";
import { alteredOnTheWay, call, transfer, WrongResponseError } from "./calls.ts";
import { ObjectClasses } from "./object-classes.ts";
import { listObjects, type ObjectPage } from "./object-list.ts";
import { contentPlace, fill, skipped } from "./response-body.ts";

/** Bytes as they are sent in one request, with the hashes that the store compares them with. */
export interface Body {
  readonly bytes: Buffer<ArrayBuffer>;
  /** Null where the store is known to refuse bytes that have another SHA-256. */
  readonly md5: Buffer | null;
  readonly sha256: Buffer;
}

/** Response to bytes that were sent. */
export interface Receipt {
  readonly ETag: string;
  /**
   * Whether the store has shown that it received these bytes: by their MD5 as its ETag, which encryption makes another hash, or, sent without
   * one, by a success.
   */
  readonly isShown: boolean;
  /** Whether one request was all it took. What an abandoned one still sends may be read from their memory. */
  readonly isSentOnce: boolean;
}

export interface StoredPart {
  readonly ETag: string;
  readonly PartNumber: number;
}

export interface ObjectEnd {
  readonly sizeBytes: number;
  /** The last bytes of the object; all of a short one. */
  readonly tail: Buffer;
}

const cleanUpMilliseconds = 10 * millisecondsPer.second;

/** The calls that the blob store makes of S3. They reject as {@link call} does. */
export class Objects {
  readonly classes: ObjectClasses;
  readonly #s3: S3Connection;

  constructor(connection: S3Connection) {
    this.#s3 = connection;
    this.classes = new ObjectClasses(connection);
  }

  get name(): string {
    return this.#s3.url.name;
  }

  close(): void {
    this.#s3.client.destroy();
  }

  async put(key: string, body: Body): Promise<Receipt> {
    const { sdk, client, at } = this.#s3;
    return send(key, body, (abortSignal) =>
      client.send(hashed(new sdk.PutObjectCommand({ ...at(key), ...inputOf(body) }), body), { abortSignal }),
    );
  }

  /**
   * Whether the store refuses bytes that have another SHA-256 than the one they are sent with. If it does not, they are stored. Rejects while the
   * store is away.
   */
  async refusesOtherBytes(key: string, bytes: Buffer<ArrayBuffer>): Promise<boolean> {
    const { sdk, client, at } = this.#s3;
    const other = { bytes, md5: null, sha256: hash("sha256", randomBytes(bytes.length), "buffer") };
    try {
      await call(key, (abortSignal) =>
        client.send(hashed(new sdk.PutObjectCommand({ ...at(key), ...inputOf(other) }), other), { abortSignal }),
      );
      return false;
    } catch (error) {
      if (alteredOnTheWay.has(((error as Error).cause as Error | undefined)?.name ?? "")) {
        return true;
      }
      throw error;
    }
  }

  async beginParts(key: string): Promise<string> {
    const { sdk, client, at } = this.#s3;
    const { UploadId } = await call(key, (abortSignal) =>
      client.send(new sdk.CreateMultipartUploadCommand(at(key)), { abortSignal }),
    );
    if (UploadId === undefined) {
      throw new BlobStoreUnavailableError(`${this.name}: an upload of ${key} began without an id`);
    }
    return UploadId;
  }

  async putPart(key: string, UploadId: string, PartNumber: number, body: Body): Promise<Receipt> {
    const { sdk, client, at } = this.#s3;
    const input = { ...at(key), UploadId, PartNumber, ...inputOf(body) };
    return send(key, body, (abortSignal) =>
      client.send(hashed(new sdk.UploadPartCommand(input), body), { abortSignal }),
    );
  }

  /** Succeeds also when the upload is no more: an earlier attempt may have completed it. The caller looks at the object. */
  async completeParts(key: string, UploadId: string, parts: readonly StoredPart[]): Promise<void> {
    const { sdk, client, at } = this.#s3;
    const input = { ...at(key), UploadId, MultipartUpload: { Parts: [...parts] } };
    await call(key, (abortSignal) => client.send(new sdk.CompleteMultipartUploadCommand(input), { abortSignal })).catch(
      (error: Error) => {
        if ((error.cause as Error | undefined)?.name !== "NoSuchUpload") {
          throw error;
        }
      },
    );
  }

  /** Never rejects: what is left is aborted at a later start. */
  async abortParts(key: string, UploadId: string): Promise<void> {
    const { sdk, client, at } = this.#s3;
    const options = { abortSignal: AbortSignal.timeout(cleanUpMilliseconds) };
    const command = new sdk.AbortMultipartUploadCommand({ ...at(key), UploadId });
    await client.send(command, options).catch(() => undefined);
  }

  /** Reads size and last bytes by one request. */
  end(key: string, tailBytes: number): Promise<ObjectEnd> {
    return transfer(key, async (abortSignal) => {
      const found = await this.#get(key, `bytes=-${tailBytes}`, abortSignal);
      if (found === null) {
        return { sizeBytes: 0, tail: Buffer.alloc(0) };
      }
      const { start, sizeBytes } = contentPlace(found);
      const tail = Buffer.allocUnsafe(Math.min(sizeBytes, tailBytes));
      await fill(tail, skipped(found.Body as AsyncIterable<Buffer>, sizeBytes - tail.length - start));
      return { sizeBytes, tail };
    });
  }

  /** Fills `into` with the bytes from a position on. What an interrupted response has brought is not asked for again. */
  async range(key: string, position: number, into: Buffer, stopped?: AbortSignal): Promise<void> {
    let done = 0;
    await transfer(key, async (deadline) => {
      const start = position + done;
      const range = `bytes=${start}-${position + into.length - 1}`;
      const found = await this.#get(
        key,
        range,
        stopped === undefined ? deadline : AbortSignal.any([deadline, stopped]),
      );
      if (found === null || contentPlace(found).start !== start) {
        throw new WrongResponseError(`${range} of ${key} was asked for, and not returned`);
      }
      await fill(into.subarray(done), found.Body as AsyncIterable<Buffer>, (sizeBytes) => {
        done += sizeBytes;
      });
    });
  }

  /** Lists objects whose keys begin so, in pages of up to 1,000. */
  list(keyPrefix: string): AsyncGenerator<ObjectPage, void, void> {
    return listObjects(this.#s3, keyPrefix);
  }

  /** Succeeds when there is no such object. */
  async remove(key: string): Promise<void> {
    const { sdk, client, at } = this.#s3;
    await call(key, (abortSignal) => client.send(new sdk.DeleteObjectCommand(at(key)), { abortSignal })).catch(
      (error: unknown) => {
        if (!(error instanceof BlobMissingError)) {
          throw error;
        }
      },
    );
  }

  /** Aborts uploads in parts below the prefix that began before: a process that died has left them. */
  async abortPartsBegunBefore(instant: number): Promise<void> {
    const { sdk, client, url } = this.#s3;
    let marker: { KeyMarker?: string; UploadIdMarker?: string } | null = {};
    while (marker !== null) {
      const input = { Bucket: url.bucket, Prefix: url.prefix, ...marker };
      const page: Awaited<ReturnType<typeof list>> = await list(input);
      for (const { Key = "", UploadId = "", Initiated } of page.Uploads ?? []) {
        if (Key.startsWith(url.prefix) && Initiated !== undefined && Initiated.getTime() < instant) {
          await this.abortParts(Key.slice(url.prefix.length), UploadId);
        }
      }
      const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      marker = IsTruncated && KeyMarker && UploadIdMarker ? { KeyMarker, UploadIdMarker } : null;
    }

    function list(input: { Bucket: string; Prefix: string; KeyMarker?: string; UploadIdMarker?: string }) {
      return call("", (abortSignal) => client.send(new sdk.ListMultipartUploadsCommand(input), { abortSignal }));
    }
  }

  /** Null when the object is empty, and so has no range. */
  async #get(key: string, Range: string, abortSignal: AbortSignal): Promise<GetObjectCommandOutput | null> {
    const { sdk, client, at } = this.#s3;
    try {
      const found = await client.send(new sdk.GetObjectCommand({ ...at(key), Range }), { abortSignal });
      // The SDK's own signal ends with the headers.
      addAbortSignal(abortSignal, found.Body as Readable);
      return found;
    } catch (error) {
      if (statusOf(error) === 416) {
        return null;
      }
      throw error;
    }
  }
}

const inputOf = ({ bytes, md5 }: Body) => ({
  Body: bytes,
  ContentLength: bytes.length,
  ...(md5 !== null && { ContentMD5: md5.toString("base64") }),
});

interface Hashable {
  readonly middlewareStack: { add(middleware: unknown, options: { step: "build" }): void };
}

/** The SDK signs this hash of the body, and computes none of its own. */
function hashed<Command extends Hashable>(command: Command, { sha256 }: Body): Command {
  const middleware =
    (next: (args: unknown) => Promise<unknown>) => (args: { request: { headers: Record<string, string> } }) => {
      args.request.headers["x-amz-content-sha256"] = sha256.toString("hex");
      return next(args);
    };
  command.middlewareStack.add(middleware, { step: "build" });
  return command;
}

type Sent = Pick<PutObjectCommandOutput, "ETag" | "$metadata">;

async function send(key: string, { md5 }: Body, once: (signal: AbortSignal) => Promise<Sent>): Promise<Receipt> {
  let requests = 0;
  const { ETag = "", $metadata } = await transfer(key, (abortSignal) => {
    requests += 1;
    return once(abortSignal);
  });
  return {
    ETag,
    isShown: md5 === null ? ETag !== "" : ETag.replaceAll('"', "").toLowerCase() === md5.toString("hex"),
    isSentOnce: requests === 1 && $metadata.attempts === 1,
  };
}
