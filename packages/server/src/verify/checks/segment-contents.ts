import { CorruptSegmentError, manifestPlace, type Segment } from "../../domain/segment.ts";
import { footerSizeMax } from "../../segments/footer.ts";
import { openSegment } from "../../segments/open.ts";
import { openReplacedSegment, type UnknownSegment } from "../../segments/open-unknown.ts";
import { FilesystemBlobStore } from "../../storage/blobs/filesystem.ts";
import { packKey } from "../../storage/metadata/tables/packed.ts";
import type { Finding } from "../finding.ts";
import type { Verification } from "../verification.ts";
import { damagedLeaves } from "./damaged-leaves.ts";
import type { Owner } from "./segment-owners.ts";

/** A segment by its row; it has no place once a later part took it. */
type StoredSegment = Omit<Segment, "firstByte"> & { readonly firstByte: number | null };

/** Checks what is in segments' files, as far as the level and the subset ask for. */
export class SegmentContents {
  readonly #verification: Verification;
  readonly #blobs: FilesystemBlobStore;

  /** @param root the data folder, or its mirror: their files have the same names. */
  constructor(verification: Verification, root = verification.folder.path) {
    this.#verification = verification;
    this.#blobs = new FilesystemBlobStore(root);
  }

  async findingsOf(segment: StoredSegment, owner: Owner | null, fileBytes: number): Promise<Finding[]> {
    const footerBytes = fileBytes - segment.sizeBytes;
    if (!(footerBytes > 0 && footerBytes <= footerSizeMax(segment.sizeBytes))) {
      const message = `the segment's file has ${fileBytes} bytes, which do not fit ${segment.sizeBytes} of its own`;
      return [{ code: "segment-file", message }];
    }
    if (!this.#isChosen(segment)) {
      return [];
    }
    try {
      return await this.#check(segment, owner);
    } catch (error) {
      if (error instanceof CorruptSegmentError) {
        return [{ code: "segment-file", message: error.reason }];
      }
      throw error;
    }
  }

  #isChosen({ key }: StoredSegment): boolean {
    const { subset } = this.#verification;
    // The last bytes of a name are random.
    return subset === null || Buffer.from(packKey(key)).readUInt32BE(10) % subset.count === subset.index - 1;
  }

  async #open({ firstByte, ...segment }: StoredSegment): Promise<UnknownSegment> {
    if (firstByte === null) {
      return openReplacedSegment(this.#blobs, segment);
    }
    const placed = { ...segment, firstByte };
    return { ...(await openSegment(this.#blobs, placed)), segment: placed };
  }

  async #check(stored: StoredSegment, owner: Owner | null): Promise<Finding[]> {
    const opened = await this.#open(stored);
    const { segment } = opened;
    try {
      const findings: Finding[] = [];
      const { kind, vaultArn, description } = opened.footer;
      // Earlier versions wrote no kind, and no manifests.
      if ((kind === "manifest") !== (segment.firstByte === manifestPlace)) {
        findings.push({ code: "segment-file", message: `the segment's footer names another kind: ${kind}` });
      }
      const expected = owner?.footer ?? null;
      if (expected !== null && expected.vaultArn !== undefined && vaultArn !== expected.vaultArn) {
        findings.push({ code: "segment-file", message: `the segment's footer names another vault: ${vaultArn}` });
      }
      if (expected !== null && description !== expected.description) {
        findings.push({ code: "segment-file", message: "the segment's footer has another description" });
      }
      if (this.#verification.level === "deep") {
        findings.push(...(await damagedLeaves(this.#verification, segment, opened)));
      }
      return findings;
    } finally {
      await opened.close();
    }
  }
}
