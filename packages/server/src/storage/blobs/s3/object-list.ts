import { systemClock } from "../../../clock/clocks.ts";
import type { Instant } from "../../../domain/time/instant.ts";
import type { S3Connection } from "../../s3/connection.ts";
import { transfer } from "./calls.ts";

export interface ListedObject {
  /** Below the prefix. */
  readonly key: string;
  readonly sizeBytes: number;
  readonly changedAt: Instant;
  readonly storageClass: string;
}

export interface ObjectPage {
  readonly objects: readonly ListedObject[];
  /** By the store's clock. */
  readonly listedAt: Instant;
}

const pageObjects = 1000;

/** Lists objects whose keys begin so below the prefix, in the order of their keys. */
export async function* listObjects(
  { sdk, client, at, url }: S3Connection,
  keyPrefix: string,
): AsyncGenerator<ObjectPage, void, void> {
  const { Bucket, Key: Prefix } = at(keyPrefix);
  let ContinuationToken: string | undefined;
  do {
    const input = { Bucket, Prefix, ContinuationToken, MaxKeys: pageObjects };
    const { page, listedAt } = await transfer(keyPrefix, async (abortSignal) => {
      const { command, dateOf } = dated(new sdk.ListObjectsV2Command(input));
      return { page: await client.send(command, { abortSignal }), listedAt: dateOf() };
    });
    yield {
      listedAt,
      objects: (page.Contents ?? []).map(({ Key = "", Size = 0, LastModified, StorageClass = "STANDARD" }) => ({
        key: Key.slice(url.prefix.length),
        sizeBytes: Size,
        changedAt: LastModified?.getTime() ?? listedAt,
        storageClass: StorageClass,
      })),
    };
    ContinuationToken = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
}

interface Dateable {
  readonly middlewareStack: { add(middleware: unknown, options: { step: "deserialize" }): void };
}

interface Dated {
  readonly response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** The SDK's results lack the response's time, which is that of the clock by which objects have theirs. */
function dated<Command extends Dateable>(command: Command): { command: Command; dateOf(): Instant } {
  let date = Number.NaN;
  const middleware = (next: (args: unknown) => Promise<Dated>) => async (args: unknown) => {
    const result = await next(args);
    date = Date.parse(result.response?.headers?.["date"] ?? "");
    return result;
  };
  command.middlewareStack.add(middleware, { step: "deserialize" });
  return { command, dateOf: () => (Number.isNaN(date) ? systemClock.now() : date) };
}
