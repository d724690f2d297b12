import { setImmediate as nextTurn } from "node:timers/promises";
import type { Catalog } from "../catalog.ts";
import type { TargetCopies } from "../tables/copy-table.ts";

export interface ManifestImportResult {
  /** Copies that are now recorded as verified. */
  readonly verified: number;
  /** Lines about archives that the catalogue does not have. */
  readonly unknown: number;
  /** Lines that say another size or tree hash than the catalogue: no copies of these archives. */
  readonly different: number;
  /** Lines that are none of a manifest, like one that was cut off. */
  readonly invalid: number;
}

const batchSize = 500;

/**
 * Records the copies at a target as verified that a manifest (MANIFEST.jsonl) lists, so that a catalogue can be made again from an inventory
 * and manifests. It does not look at the copies. May be repeated; of several lines about an archive, the last one counts.
 */
export async function importManifest(
  catalog: Catalog,
  targetUrl: string,
  lines: AsyncIterable<string>,
  { signal }: { readonly signal: AbortSignal },
): Promise<ManifestImportResult> {
  const copies = catalog.copies.of(targetUrl);
  const counts = { verified: 0, unknown: 0, different: 0, invalid: 0 };
  let batch: string[] = [];
  const flush = async () => {
    signal.throwIfAborted();
    catalog.change(() => {
      for (const line of batch) {
        counts[addLine(catalog, copies, line)] += 1;
      }
    });
    batch = [];
    await nextTurn();
  };
  for await (const line of lines) {
    if (line.trim() !== "") {
      batch.push(line);
    }
    if (batch.length === batchSize) {
      await flush();
    }
  }
  await flush();
  return counts;
}

function addLine(catalog: Catalog, copies: TargetCopies, line: string): keyof ManifestImportResult {
  const copy = copyOf(line);
  if (copy === null) {
    return "invalid";
  }
  const archive = catalog.archives.get(copy.archiveId);
  if (archive === null) {
    return "unknown";
  }
  if (archive.sizeBytes !== copy.bytes || archive.treeHash !== copy.treeHash) {
    return "different";
  }
  copies.plan(archive.number, copy.path);
  const { sha256, location, verifiedAt } = copy;
  copies.setState(archive.number, "verified", { sha256, location, verifiedAt });
  return "verified";
}

interface ManifestCopy {
  readonly archiveId: string;
  readonly path: string;
  readonly location: string;
  readonly bytes: number;
  readonly treeHash: string;
  readonly sha256: string;
  readonly verifiedAt: Date;
}

function copyOf(line: string): ManifestCopy | null {
  const { archiveId, path, location = path, bytes, treeHash, sha256, verifiedAt } = fieldsOf(line);
  const at = new Date(String(verifiedAt));
  const isCopy =
    [archiveId, path, location, treeHash].every((value) => typeof value === "string" && value !== "") &&
    typeof bytes === "number" &&
    typeof sha256 === "string" &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    !Number.isNaN(at.getTime());
  return isCopy ? ({ archiveId, path, location, bytes, treeHash, sha256, verifiedAt: at } as ManifestCopy) : null;
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}
