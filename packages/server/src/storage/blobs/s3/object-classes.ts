import type { ObjectStorageClass, Tier } from "@aws-sdk/client-s3";
import { millisecondsPer } from "@moraine/protocol";
import type { Instant } from "../../../domain/time/instant.ts";
import type { S3Connection } from "../../s3/connection.ts";
import { call } from "./calls.ts";

/** An object as HeadObject describes it, which can also be done with one that cannot be read. */
export interface ObjectState {
  readonly sizeBytes: number;
  readonly storageClass: string;
  /** Null when nobody has asked to restore it, or its restored copy has expired. */
  readonly restore: { readonly isOngoing: boolean; readonly readableUntil: Instant } | null;
}

/** The store copies 4 GiB within itself meanwhile. */
const copyMilliseconds = 15 * millisecondsPer.minute;

/** The calls of S3 that have to do with storage classes. They reject as {@link call} does. */
export class ObjectClasses {
  readonly #s3: S3Connection;

  constructor(connection: S3Connection) {
    this.#s3 = connection;
  }

  async head(key: string): Promise<ObjectState> {
    const { sdk, client, at } = this.#s3;
    const found = await call(key, (abortSignal) => client.send(new sdk.HeadObjectCommand(at(key)), { abortSignal }));
    return {
      sizeBytes: found.ContentLength ?? 0,
      storageClass: found.StorageClass ?? "STANDARD",
      restore: found.Restore === undefined ? null : restoreOf(found.Restore),
    };
  }

  /** Asks for a copy that can be read for some days; of one that exists, for more days from now on. */
  async restore(key: string, Tier: Tier, Days: number): Promise<void> {
    const { sdk, client, at } = this.#s3;
    const input = { ...at(key), RestoreRequest: { Days, GlacierJobParameters: { Tier } } };
    await call(key, (abortSignal) => client.send(new sdk.RestoreObjectCommand(input), { abortSignal }));
  }

  /** Copies an object, of up to 5 GiB, onto itself. */
  async move(key: string, StorageClass: ObjectStorageClass, stopped: AbortSignal): Promise<void> {
    const { sdk, client, at } = this.#s3;
    const { Bucket, Key } = at(key);
    const CopySource = `${Bucket}/${Key.split("/").map(encodeURIComponent).join("/")}`;
    // There are no metadata to keep, and with this directive no store refuses a copy onto itself.
    const input = { Bucket, Key, CopySource, StorageClass, MetadataDirective: "REPLACE" } as const;
    await call(
      key,
      (deadline) =>
        client.send(new sdk.CopyObjectCommand(input), { abortSignal: AbortSignal.any([deadline, stopped]) }),
      copyMilliseconds,
    );
  }
}

/** Reads `ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"`. */
function restoreOf(header: string): ObjectState["restore"] {
  const [, expiry = ""] = /expiry-date="([^"]*)"/.exec(header) ?? [];
  const until = Date.parse(expiry);
  return {
    isOngoing: /ongoing-request="true"/.test(header),
    readableUntil: Number.isNaN(until) ? Number.NEGATIVE_INFINITY : until,
  };
}
