import { setImmediate as nextTurn } from "node:timers/promises";
import { manifestName } from "../../manifest/document-names.ts";
import type { ManifestEntry } from "../../manifest/manifest-entry.ts";
import { readManifest } from "../../manifest/manifest-reader.ts";
import { safePath } from "../../names/safe-path.ts";
import type { RescueParts } from "../rescue-state.ts";
import { recordedPosition } from "./manifest-position.ts";

const newline = 0x0a;

type Parts = Pick<RescueParts, "catalog" | "copies" | "target" | "onEvent">;

/**
 * Records the copies that the target's manifest has and the catalogue does not: those of the last moments before a kill, or all of them for a
 * new catalogue. Throws TargetMismatchError if the target lacks a manifest that it had.
 */
export async function reconcileManifest(parts: Parts, signal: AbortSignal): Promise<void> {
  const { documents } = parts.target;
  const position = recordedPosition(parts);
  const tail = position === 0 ? null : await tailOf(parts, position);
  const lines = tail ?? (await documents.read(manifestName));
  if (lines === null) {
    assertNew(parts);
    return;
  }
  const onInvalid = (line: number, reason: string) =>
    parts.onEvent({
      kind: "warning",
      message: `A line of the manifest (${line} from where it was read) ${reason}; its copy is made again`,
    });
  for await (const batch of readManifest(lines, { onInvalid })) {
    signal.throwIfAborted();
    parts.catalog.change(() => {
      for (const entry of batch) {
        record(parts, entry);
      }
    });
    await nextTurn();
  }
}

/** Returns the manifest from the position on; null if no line begins there, so that it is another manifest. */
async function tailOf({ target }: Parts, position: number): Promise<AsyncIterable<Uint8Array> | null> {
  const bytes = await target.documents.read(manifestName, position - 1);
  const iterator = bytes?.[Symbol.asyncIterator]();
  const first = await iterator?.next();
  if (iterator === undefined || first === undefined || first.done === true || first.value[0] !== newline) {
    await iterator?.return?.();
    return null;
  }
  const head = first.value.subarray(1);
  return (async function* () {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
}

/** Throws if copies are known at a target that has no manifest: its disk may not be mounted. */
function assertNew({ copies, target }: Parts): void {
  const { verified } = copies.totals();
  if (verified.copies > 0) {
    throw new TargetMismatchError(
      `${target.url} has no ${manifestName}, and the catalogue knows ${verified.copies} verified copies there: is its disk mounted? To copy them again, name another catalogue with --catalog`,
    );
  }
}

/** Error thrown for a target that is not as an earlier run has left it. */
export class TargetMismatchError extends Error {
  override readonly name = "TargetMismatchError";
}

function record({ catalog, copies, target }: Parts, entry: ManifestEntry): void {
  const { archiveId, sizeBytes, treeHash, sha256, location, verifiedAt } = entry;
  const archive = catalog.archives.get(archiveId);
  const isSame = archive?.sizeBytes === sizeBytes && archive.treeHash === treeHash;
  if (archive === null || !isSame || copies.get(archive.number)?.state === "verified") {
    return;
  }
  // The copy of a folder or a bucket has its path in the catalogue as its location.
  copies.plan(archive.number, (target.namesCopies ?? true) ? location : safePath(entry.path, archiveId));
  copies.setState(archive.number, "verified", { sha256, location, verifiedAt });
  const job = catalog.jobs.of(archive.number);
  if (job?.state === "requested" || job?.state === "ready") {
    catalog.jobs.fetched(job.jobId);
  }
}
