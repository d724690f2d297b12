import { UsageError } from "../exit-codes.ts";
import { decodeName } from "../names/decode-name.ts";
import { forgetUpload } from "../transfers/upload-state.ts";
import type { DescribedFile } from "./local/described-file.ts";
import { ManifestFile } from "./manifest-file.ts";
import type { Sending } from "./sending.ts";
import type { StoredArchive } from "./upload-file.ts";

/** Unlisted archives that are looked up at once. */
const batchSize = 100;

type Records = Pick<Sending, "catalog" | "manifest">;

/** Records a stored archive in the catalogue, then in the manifest. A run that is killed between leaves a note for the next one. */
export async function recordArchive(
  { catalog, manifest, now }: Records & Pick<Sending, "now">,
  { description, decodedPath }: DescribedFile,
  { archiveId, sizeBytes, treeHash, sha256, journal }: StoredArchive,
): Promise<void> {
  const { path, format, modifiedAt } = decodeName(description);
  const archive = { archiveId, sizeBytes, treeHash, description, createdAt: now(), path, format, modifiedAt };
  const number = catalog.change(() => {
    const added = catalog.archives.addUploaded(archive);
    catalog.uploads.forget(decodedPath);
    if (manifest !== null) {
      catalog.uploads.unlisted({ number: added, sha256 });
    }
    return added;
  });
  await list({ catalog, manifest }, number, sha256);
  if (journal !== null) {
    await forgetUpload(journal);
  }
}

/**
 * Writes the lines that an earlier run has left out, because it was killed or could not write them, to the manifest that it had. Called before
 * the first archive is recorded. Throws UsageError if that manifest cannot be opened.
 */
export async function listUnlisted({ catalog, manifest }: Records): Promise<void> {
  if (manifest === null) {
    return;
  }
  const owner = catalog.facts.get("unlisted-manifest") ?? manifest.path;
  if (owner === manifest.path || catalog.uploads.firstUnlisted(1).length === 0) {
    await listAll(catalog, manifest);
  } else {
    await using other = await ManifestFile.open(owner).catch((cause: Error) => {
      throw new UsageError(`lines of an earlier run are missing in ${owner}: ${cause.message}`, { cause });
    });
    await listAll(catalog, other);
  }
  catalog.facts.set("unlisted-manifest", manifest.path);
}

async function listAll(catalog: Records["catalog"], manifest: ManifestFile): Promise<void> {
  for (let some = catalog.uploads.firstUnlisted(batchSize); some.length > 0; ) {
    await Promise.all(some.map(({ number, sha256 }) => list({ catalog, manifest }, number, sha256)));
    some = catalog.uploads.firstUnlisted(batchSize);
  }
}

async function list({ catalog, manifest }: Records, number: number, sha256: string | null): Promise<void> {
  const archive = manifest === null ? null : catalog.archives.byNumber(number);
  if (archive !== null) {
    const { archiveId, path, description, sizeBytes, treeHash, modifiedAt, createdAt } = archive;
    const hashes = { sizeBytes, treeHash, sha256 };
    const dates = { modifiedAt, createdAt, verifiedAt: createdAt };
    await manifest?.append({ archiveId, path, location: path, description, ...hashes, ...dates });
  }
  if (manifest !== null) {
    catalog.uploads.listed(number);
  }
}
