import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { AccountId, ArchiveId, UploadId } from "@moraine/protocol";
import type { MetadataStore } from "../../../packages/server/src/domain/stores/metadata-store.ts";
import { openInlineStore } from "../../../packages/server/test/support/inline-store.ts";
import { rowSecretOf } from "../row-secret.ts";
import { accountId, region } from "../server-process.ts";
import { DiskModel, nothingUnsynced, type Survival } from "./disk-model.ts";
import type { TraceEvent } from "./trace.ts";

/** Promises of responses, by the ids of their requests. */
export type Promises = ReadonlyMap<string, Promised>;

export type Promised =
  | { readonly kind: "archive"; readonly id: string; readonly bytes: Buffer }
  | { readonly kind: "part"; readonly uploadId: string; readonly firstByte: number; readonly bytes: Buffer }
  | { readonly kind: "deletion"; readonly id: string };

/** A moment at which a response was about to leave the server. */
interface Cut {
  readonly model: DiskModel;
  readonly promised: readonly Promised[];
  /** Counts responses, from 1. */
  readonly number: number;
}

/** Replays a trace and calls `visit` at each response that promised something, with all that was promised by then. */
export async function atEachPromise(
  root: string,
  events: readonly TraceEvent[],
  promises: Promises,
  visit: (cut: Cut) => Promise<void>,
): Promise<number> {
  const model = new DiskModel(root);
  const kept = new Map<string, Promised>();
  let number = 0;
  for (const event of events) {
    model.apply(event);
    const promised = event.kind === "send" ? promises.get(requestIdOf(event)) : undefined;
    if (promised !== undefined) {
      number += 1;
      kept.set(promised.kind === "part" ? `${promised.uploadId} ${promised.firstByte}` : promised.id, promised);
      await visit({ model, promised: [...kept.values()], number });
    }
  }
  assert.equal(number, promises.size, "every response is in the trace");
  return number;
}

const requestIdOf = ({ bytes }: TraceEvent): string =>
  /^x-amzn-requestid: (\S+)/im.exec(bytes.toString("latin1"))?.[1] ?? "";

/** The promises that a power cut would break: empty when all is well. */
export async function brokenPromises(
  { model, promised }: Cut,
  { root, vault, scratch }: { readonly root: string; readonly vault: string; readonly scratch: string },
  survives: Survival = nothingUnsynced,
): Promise<string[]> {
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch);
  await model.materialize(scratch, survives, (path) => /(moraine\.db(-wal)?|secrets\.key)$/.test(path));
  const open = openInlineStore(join(scratch, "moraine.db"), { openSecret: rowSecretOf(scratch) });
  const metadata = await open.catch((error: Error) => error);
  if (metadata instanceof Error) {
    return [`the database cannot be opened: ${metadata.message}`];
  }
  try {
    const found = await metadata.findVault({ accountId: accountId as AccountId, region, vaultName: vault });
    if (found === null) {
      return ["the vault is gone"];
    }
    const stored = (key: string) => model.read(join(root, "blobs", key));
    const broken = promised.map((promise) => breach(promise, { metadata, vaultId: found.id, stored }));
    return (await Promise.all(broken)).filter((text) => text !== null);
  } finally {
    await metadata.close();
  }
}

interface Image {
  readonly metadata: MetadataStore;
  readonly vaultId: string;
  stored(key: string): Buffer | undefined;
}

async function breach(promised: Promised, image: Image): Promise<string | null> {
  const { metadata, vaultId } = image;
  if (promised.kind === "part") {
    const { uploadId, firstByte, bytes } = promised;
    const afterByte = firstByte === 0 ? null : firstByte - 1;
    const parts = await metadata.listParts({ uploadId: uploadId as UploadId, afterByte, limit: 1 });
    return segmentBreach(`part ${firstByte}`, bytes, parts, image);
  }
  const archive = await metadata.findArchive({ vaultId, archiveId: promised.id });
  const isLive = archive !== null && archive.deletedAt === null;
  if (promised.kind === "deletion") {
    return isLive ? `${promised.id} is back` : null;
  }
  if (!isLive) {
    return `the row of ${promised.id} is lost`;
  }
  const range = { firstByte: 0, lastByte: promised.bytes.length - 1 };
  const segments = await metadata.segmentsOf({ archiveId: promised.id as ArchiveId, range, limit: 100 });
  return segmentBreach(promised.id, promised.bytes, segments, image);
}

function segmentBreach(
  name: string,
  bytes: Buffer,
  segments: ReadonlyArray<{ readonly key: string; readonly firstByte: number; readonly sizeBytes: number }>,
  { stored }: Image,
): string | null {
  const content = segments.map(({ key, sizeBytes }) => stored(key)?.subarray(0, sizeBytes) ?? Buffer.alloc(0));
  return Buffer.concat(content).equals(bytes) ? null : `the bytes of ${name} are lost`;
}
