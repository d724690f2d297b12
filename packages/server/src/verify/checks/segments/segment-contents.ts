import { leafSizeBytes } from "@moraine/protocol";
import { CorruptSegmentError, manifestPlace, type Segment } from "../../../domain/segment.ts";
import { BlobMissingError, BlobStoreUnavailableError, NotRestoredYetError } from "../../../domain/stores/blob-store.ts";
import { footerSizeMax } from "../../../segments/footer.ts";
import { openSegment } from "../../../segments/open.ts";
import { openReplacedSegment, type UnknownSegment } from "../../../segments/open-unknown.ts";
import { packKey } from "../../../storage/metadata/tables/packed.ts";
import type { Finding } from "../../finding.ts";
import type { SegmentStore } from "../../segment-store.ts";
import type { Verification } from "../../verification.ts";
import { damagedLeaves } from "./damaged-leaves.ts";
import type { Owner } from "./segment-owners.ts";

/** A segment by its row; it has no place once a later part took it. */
type StoredSegment = Omit<Segment, "firstByte"> & { readonly firstByte: number | null };

/** Checks the bytes of segments, as far as the level and the subset ask for. */
export class SegmentContents {
  readonly #verification: Verification;
  readonly #store: SegmentStore;
  /** Made when it is needed first. */
  #block: Buffer | null = null;

  constructor(verification: Verification, store: SegmentStore) {
    this.#verification = verification;
    this.#store = store;
  }

  async findingsOf(segment: StoredSegment, owner: Owner | null): Promise<Finding[]> {
    const isChosen = this.#isChosen(segment);
    // Each request counts, and one that opens an object shows its length.
    if (isChosen && this.#store.kind === "bucket") {
      return this.#readFindings(segment, owner);
    }
    const findings = await this.#sizeFindings(segment);
    return isChosen && findings.length === 0 ? this.#readFindings(segment, owner) : findings;
  }

  async #readFindings(segment: StoredSegment, owner: Owner | null): Promise<Finding[]> {
    try {
      return await this.#check(segment, owner);
    } catch (error) {
      if (error instanceof NotRestoredYetError) {
        this.#verification.totals.cold += 1;
        return this.#sizeFindings(segment);
      }
      if (error instanceof BlobStoreUnavailableError && (await this.#store.isReachable())) {
        // One that is never returned must not hide the others.
        return [{ code: "segment-file", message: `the segment's object cannot be read: ${error.message}` }];
      }
      if (!(error instanceof CorruptSegmentError)) {
        throw error;
      }
      const isMissing = error.cause instanceof BlobMissingError;
      return [isMissing ? this.#missing() : { code: "segment-file", message: error.reason }];
    }
  }

  /** Looks at the length alone. */
  async #sizeFindings({ key, sizeBytes }: StoredSegment): Promise<Finding[]> {
    const found = await this.#store.sizeOf(key);
    if (found === null) {
      return [this.#missing()];
    }
    const footerBytes = found - sizeBytes;
    if (footerBytes > 0 && footerBytes <= footerSizeMax(sizeBytes)) {
      return [];
    }
    const message = `the segment's ${this.#noun} has ${found} bytes, which do not fit ${sizeBytes} of its own`;
    return [{ code: "segment-file", message }];
  }

  #missing(): Finding {
    return { code: "segment-missing", message: `the segment's ${this.#noun} is missing` };
  }

  get #noun(): string {
    return this.#store.kind === "files" ? "file" : "object";
  }

  #isChosen({ key }: StoredSegment): boolean {
    const { subset } = this.#verification;
    // The last bytes of a name are random.
    return subset === null || Buffer.from(packKey(key)).readUInt32BE(10) % subset.count === subset.index - 1;
  }

  async #open({ firstByte, ...segment }: StoredSegment): Promise<UnknownSegment> {
    if (firstByte === null) {
      return openReplacedSegment(this.#store.blobs, segment);
    }
    const placed = { ...segment, firstByte };
    return { ...(await openSegment(this.#store.blobs, placed)), segment: placed };
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
        this.#block ??= Buffer.allocUnsafeSlow(leafSizeBytes);
        findings.push(...(await damagedLeaves(this.#verification, { segment, opened, block: this.#block })));
      }
      return findings;
    } finally {
      await opened.close();
    }
  }
}
