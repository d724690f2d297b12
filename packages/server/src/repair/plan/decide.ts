import { idLengths } from "@moraine/protocol";
import { CorruptSegmentError, type Segment } from "../../domain/segment.ts";
import type { BlobStore } from "../../domain/stores/blob-store.ts";
import type { ManifestHead } from "../../segments/manifest.ts";
import type { KnownRows } from "./known-rows.ts";
import { openManifest } from "./open-manifest.ts";
import type { SegmentIndex, UnknownFile } from "./segment-index.ts";

interface Deciding {
  readonly blobs: BlobStore;
  readonly rows: KnownRows;
  readonly index: SegmentIndex;
}

/** Decides the fate of each unknown file, one owner after the other. */
export async function decide(deciding: Deciding): Promise<void> {
  for (const owner of deciding.index.owners()) {
    await decideOwner(deciding, owner);
  }
}

async function decideOwner(deciding: Deciding, owner: string): Promise<void> {
  const { index, rows } = deciding;
  if (owner.length !== idLengths.archive) {
    index.decideRest(owner, "orphan", "the document of an inventory job that does not exist");
    return;
  }
  const state = rows.archive(owner);
  if (state === "deleted") {
    index.decideRest(owner, "orphan", "its archive was deleted");
  } else if (state === "live") {
    index.decideRest(owner, "kept", "its archive exists, but does not refer to this segment");
  } else {
    await decideUnknownArchive(deciding, owner);
  }
}

async function decideUnknownArchive(deciding: Deciding, owner: string): Promise<void> {
  const { index, rows } = deciding;
  const files = index.withoutParts(owner);
  const damaged = files.filter(({ problem }) => problem !== null);
  const sound = files.filter(({ problem }) => problem === null);
  const upload = rows.upload(owner);
  if (upload !== null && upload.state !== "open" && upload.state !== "completed") {
    index.decideRest(owner, "orphan", `its upload was ${upload.state}`);
    return;
  }
  const manifest = await newestManifest(
    deciding,
    sound.filter(({ kind }) => kind === "manifest"),
  );
  const single = sound.find(({ kind }) => kind === "archive");
  if (manifest !== null) {
    await decideParts(deciding, manifest);
    index.decideRest(owner, "orphan", "a part that was replaced, or a manifest of other parts");
  } else if (single !== undefined) {
    index.decide(single.key, "single", "");
    index.decideRest(owner, "orphan", "a second file of an archive that has another");
  } else if (sound.some(({ kind }) => kind === null)) {
    decideOfEarlierVersion(deciding, owner, sound);
  } else if (damaged.length > 0 && index.hasParts(owner)) {
    index.decideRest(owner, "kept", "the list of the archive's parts may be in a damaged file");
  } else if (damaged.length > 0) {
    index.decideRest(owner, "orphan", "damaged");
  } else {
    index.decideRest(owner, "orphan", "a part of an upload that was not completed");
  }
}

/** Versions before manifests did not say what a segment is. One alone is an archive, if it begins with its first byte. */
function decideOfEarlierVersion({ index }: Deciding, owner: string, files: readonly UnknownFile[]): void {
  const [only, second] = files;
  if (only !== undefined && second === undefined && only.first_byte === 0 && !index.hasParts(owner)) {
    index.decide(
      only.key,
      "single",
      "of an earlier version: it may be the first part of an upload that was not completed",
    );
  }
  index.decideRest(owner, "kept", "of an earlier version: nothing tells whether its upload was completed");
}

interface FoundManifest {
  readonly file: UnknownFile;
  readonly head: ManifestHead;
}

/** Damaged ones are kept only where no other tells what the archive is. */
async function newestManifest(deciding: Deciding, files: readonly UnknownFile[]): Promise<FoundManifest | null> {
  let newest: FoundManifest | null = null;
  const damaged: Array<{ readonly key: string; readonly reason: string }> = [];
  for (const file of files) {
    try {
      const head = await headOf(deciding.blobs, file);
      if (newest === null || head.partsRevision > newest.head.partsRevision) {
        newest = { file, head };
      }
    } catch (error) {
      if (!(error instanceof CorruptSegmentError)) {
        throw error;
      }
      damaged.push({ key: file.key, reason: error.reason });
    }
  }
  for (const { key, reason } of newest === null ? damaged : []) {
    deciding.index.decide(key, "kept", reason);
  }
  return newest;
}

async function headOf(blobs: BlobStore, { key }: UnknownFile): Promise<ManifestHead> {
  await using manifest = await openManifest(blobs, key);
  // The lines have to be those of an archive before anything is made of them.
  let end = 0;
  for await (const part of manifest.parts) {
    end = endAfter(part, end, key);
  }
  if (end !== manifest.head.sizeBytes) {
    throw new CorruptSegmentError(key, "the parts of the manifest are not as long as the archive");
  }
  return manifest.head;
}

function endAfter({ firstByte, sizeBytes }: Segment, end: number, key: string): number {
  if (firstByte !== end || !(sizeBytes > 0)) {
    throw new CorruptSegmentError(key, `the parts of the manifest do not follow each other at byte ${end}`);
  }
  return end + sizeBytes;
}

async function decideParts({ blobs, index }: Deciding, { file }: FoundManifest): Promise<void> {
  index.decide(file.key, "manifest", "");
  await using manifest = await openManifest(blobs, file.key);
  for await (const { key } of manifest.parts) {
    index.decide(key, "kept", "");
  }
}
