import { TargetUnavailableError } from "../target.ts";
import { bodyOf, type RequestBody, withBodyHash } from "./request-body.ts";
import { nullIfNoUpload, type S3Calls } from "./s3-calls.ts";

/** The calls of uploads in parts. */
export class S3Uploads {
  readonly #calls: S3Calls;

  constructor(calls: S3Calls) {
    this.#calls = calls;
  }

  async begin(key: string, metadata: Record<string, string>, signal: AbortSignal): Promise<string> {
    const { sdk, client, at } = this.#calls.s3;
    const input = { ...at(key), Metadata: metadata };
    const { UploadId } = await this.#calls.call(key, signal, (abortSignal) =>
      client.send(new sdk.CreateMultipartUploadCommand(input), { abortSignal }),
    );
    if (UploadId === undefined) {
      throw new TargetUnavailableError(`${this.#calls.shown(key)}: the store began an upload without an id`);
    }
    return UploadId;
  }

  /** Resolves to the part's ETag. */
  async putPart(
    key: string,
    { uploadId, number }: { readonly uploadId: string; readonly number: number },
    part: RequestBody,
    signal: AbortSignal,
  ): Promise<string> {
    const { sdk, client, at } = this.#calls.s3;
    const { ETag = "" } = await this.#calls.call(key, signal, (abortSignal) => {
      const input = { ...at(key), UploadId: uploadId, PartNumber: number, ...bodyOf(part) };
      return client.send(withBodyHash(new sdk.UploadPartCommand(input), part.sha256), { abortSignal });
    });
    return ETag;
  }

  /** Resolves to the ETags of an upload's parts by their number; null if there is no such upload. */
  async parts(key: string, uploadId: string, signal: AbortSignal): Promise<ReadonlyMap<number, string> | null> {
    const { sdk, client, at } = this.#calls.s3;
    const found = new Map<number, string>();
    let PartNumberMarker: string | undefined;
    do {
      const input = { ...at(key), UploadId: uploadId, PartNumberMarker };
      const page = await this.#calls.call(key, signal, (abortSignal) =>
        client.send(new sdk.ListPartsCommand(input), { abortSignal }).catch(nullIfNoUpload),
      );
      if (page === null) {
        return null;
      }
      for (const { PartNumber = 0, ETag = "" } of page.Parts ?? []) {
        found.set(PartNumber, ETag);
      }
      PartNumberMarker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (PartNumberMarker !== undefined);
    return found;
  }

  /** Makes a new object of the parts. Resolves also if the upload no longer exists: an earlier attempt may have made it. */
  complete(key: string, uploadId: string, etags: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#complete(key, uploadId, { etags, mayReplace: false }, signal);
  }

  /** The same for an object that may replace an earlier one. */
  replace(key: string, uploadId: string, etags: readonly string[], signal: AbortSignal): Promise<void> {
    return this.#complete(key, uploadId, { etags, mayReplace: true }, signal);
  }

  async abort(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    const { sdk, client, at } = this.#calls.s3;
    const input = { ...at(key), UploadId: uploadId };
    await this.#calls.call(key, signal, (abortSignal) =>
      client.send(new sdk.AbortMultipartUploadCommand(input), { abortSignal }).catch(nullIfNoUpload),
    );
  }

  /** Resolves to the ids of unfinished uploads of exactly that key. */
  async unfinished(key: string, signal: AbortSignal): Promise<string[]> {
    const { sdk, client, url, at } = this.#calls.s3;
    const { Key: Prefix } = at(key);
    const ids: string[] = [];
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | null = {};
    while (marker !== null) {
      const input = { Bucket: url.bucket, Prefix, ...marker };
      const page: Awaited<ReturnType<typeof list>> = await list(this.#calls, input);
      ids.push(...(page.Uploads ?? []).flatMap(({ Key, UploadId = "" }) => (Key === Prefix ? [UploadId] : [])));
      const { IsTruncated, NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page;
      marker = IsTruncated && KeyMarker ? { KeyMarker, UploadIdMarker } : null;
    }
    return ids;

    function list(calls: S3Calls, input: ConstructorParameters<typeof sdk.ListMultipartUploadsCommand>[0]) {
      return calls.call(key, signal, (abortSignal) =>
        client.send(new sdk.ListMultipartUploadsCommand(input), { abortSignal }),
      );
    }
  }

  async #complete(
    key: string,
    UploadId: string,
    { etags, mayReplace }: { readonly etags: readonly string[]; readonly mayReplace: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { sdk, client, at } = this.#calls.s3;
    const Parts = etags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    const send = (abortSignal: AbortSignal) => {
      const IfNoneMatch = this.#calls.knowsConditions && !mayReplace ? "*" : undefined;
      const input = { ...at(key), UploadId, MultipartUpload: { Parts }, IfNoneMatch };
      return client.send(new sdk.CompleteMultipartUploadCommand(input), { abortSignal });
    };
    await this.#calls.call(key, signal, (abortSignal) =>
      this.#calls.orSimpler(() => send(abortSignal)).catch(nullIfNoUpload),
    );
  }
}
