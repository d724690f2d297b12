import type { Segment, SegmentKind } from "../domain/segment.ts";
import type { BlobStore, BlobWriter } from "../domain/stores/blob-store.ts";
import { MetadataUnavailableError } from "../domain/stores/metadata-store.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { Clock } from "../domain/time/clock.ts";
import type { Instant } from "../domain/time/instant.ts";
import { archiveTime, type TrustedClock } from "../domain/time/trusted-clock.ts";
import { type BlockPool, type ByteStream, shortSizeBytesMax } from "./blocks.ts";
import { encodeFooter, footerSizeMax } from "./footer.ts";
import { type ContentDigest, digestOfLeaf } from "./hashing/content-hash.ts";
import type { HashPool } from "./hashing/hash-pool.ts";
import { intentLeaseMilliseconds, type RunningIntents } from "./running-intents.ts";
import { writeInBlocks } from "./write-in-blocks.ts";

export interface ReceiveServices {
  readonly metadata: UnrecordedMetadata;
  readonly blobs: BlobStore;
  /** The intents of all segments that are being received. */
  readonly intents: RunningIntents;
  readonly hashPool: HashPool;
  readonly receiveBlocks: BlockPool;
  readonly clock: Clock;
  readonly trustedClock: TrustedClock;
}

export interface IncomingSegment<Result> {
  readonly kind: SegmentKind;
  readonly ownerId: string;
  readonly vaultArn: string;
  /** The archive's description; empty without one. */
  readonly description: string;
  readonly firstByte: number;
  /** The most bytes that will come. */
  readonly sizeBytes: number;
  /** The bytes that will surely arrive: without room for them nothing is started. @default sizeBytes */
  readonly sizeBytesMin?: number;
  readonly body: ByteStream;
  /** Blocks of it that are written at once. @default 6 */
  readonly blocksInFlightMax?: number;
  /** Throws when the bytes are not what the client said they are: then nothing is stored. */
  check(sizeBytes: number, digest: ContentDigest): void;
  /**
   * Makes the segment live, in the transaction that gives it a meaning.
   * @param storedAt the time in its footer, by which a lost database is rebuilt.
   */
  record(segment: Segment, storedAt: Instant): Promise<Result>;
}

/**
 * Stores a body as a segment: intent first, bytes next, the row that counts last. A crash at any point leaves at most a
 * segment that nobody refers to, which the sweeper removes by its intent, soon after the next start.
 */
export async function receiveSegment<Result>(
  services: ReceiveServices,
  incoming: IncomingSegment<Result>,
): Promise<Result> {
  const { metadata, blobs, intents, trustedClock } = services;
  const { ownerId, firstByte } = incoming;
  const key = blobs.newKey(ownerId);
  // The intent must be durable before the bytes can become visible, not before they arrive.
  const leaseUntil = trustedClock.expiryNow() + intentLeaseMilliseconds;
  intents.begin(key, leaseUntil);
  try {
    const intent = metadata.recordIntent({ key, ownerId, leaseUntil });
    intent.catch(() => undefined);
    const { storedAt, ...segment } = await writeAndCommit(services, incoming, key, intent);
    return await record(services, incoming, { key, ownerId, firstByte, ...segment }, storedAt);
  } finally {
    intents.end(key);
  }
}

async function record<Result>(
  { metadata }: ReceiveServices,
  incoming: IncomingSegment<Result>,
  segment: Segment,
  storedAt: Instant,
): Promise<Result> {
  try {
    return await incoming.record(segment, storedAt);
  } catch (error) {
    // When it is not known whether the change happened, the segment stays, and its lease decides.
    if (!(error instanceof MetadataUnavailableError)) {
      await metadata.abandonSegment(segment);
    }
    throw error;
  }
}

async function writeAndCommit<Result>(
  services: ReceiveServices,
  incoming: IncomingSegment<Result>,
  key: string,
  intent: Promise<void>,
): Promise<Pick<Segment, "sizeBytes" | "treeHash"> & { readonly storedAt: Instant }> {
  const { kind, ownerId, vaultArn, description, firstByte } = incoming;
  let writer: BlobWriter | undefined;
  try {
    const { sizeBytes: sizeBytesMax, sizeBytesMin = sizeBytesMax } = incoming;
    const footerBytes = footerSizeMax(sizeBytesMax);
    writer = await services.blobs.create(key, sizeBytesMax + footerBytes, sizeBytesMin + footerSizeMax(sizeBytesMin));
    const { sizeBytes, digest, unwritten } = await receiveBody(services, incoming, writer);
    incoming.check(sizeBytes, digest);
    const { treeHash, leaves } = digest;
    const storedAt = archiveTime(services);
    const footer = { kind, ownerId, vaultArn, description, storedAt, firstByte, sizeBytes, treeHash, leaves };
    await writer.write(Buffer.concat([unwritten, encodeFooter(footer)]));
    await intent;
    await writer.commit();
    return { sizeBytes, treeHash, storedAt };
  } catch (error) {
    await writer?.discard();
    await intent.then(() => services.metadata.abandonSegment({ key, ownerId })).catch(() => undefined);
    throw error;
  }
}

interface ReceivedBody {
  readonly sizeBytes: number;
  readonly digest: ContentDigest;
  /** The bytes of a short body, which go to the disk in one piece with their footer. */
  readonly unwritten: Uint8Array;
}

async function receiveBody(
  services: ReceiveServices,
  { sizeBytes, body, blocksInFlightMax }: Pick<IncomingSegment<unknown>, "sizeBytes" | "body" | "blocksInFlightMax">,
  writer: BlobWriter,
): Promise<ReceivedBody> {
  if (sizeBytes <= shortSizeBytesMax) {
    const bytes = await readShortBody(body, sizeBytes);
    return { sizeBytes: bytes.length, digest: digestOfLeaf(bytes), unwritten: bytes };
  }
  const hash = services.hashPool.start(sizeBytes);
  try {
    const write = (bytes: Uint8Array) => settleBoth(writer.write(bytes), hash.update(bytes));
    const received = await writeInBlocks(body, services.receiveBlocks, write, blocksInFlightMax);
    return { sizeBytes: received, digest: await hash.digest(), unwritten: new Uint8Array() };
  } catch (error) {
    hash.abandon();
    throw error;
  }
}

async function readShortBody(body: ByteStream, sizeBytesMax: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(sizeBytesMax);
  let filled = 0;
  for await (const piece of body) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return bytes.subarray(0, filled);
}

/** Like Promise.all, but not before both have ended: the block is in use until then. */
async function settleBoth(...both: Array<Promise<void>>): Promise<void> {
  await Promise.allSettled(both);
  await Promise.all(both);
}
