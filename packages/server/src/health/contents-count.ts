import { millisecondsPer } from "@moraine/protocol";
import { nextPlace } from "../domain/stores/next-place.ts";
import type { UnrecordedMetadata } from "../domain/stores/recorded-changes.ts";
import type { ContentsFigures } from "../telemetry/load-metrics.ts";

const ageMillisecondsMax = millisecondsPer.minute;
const pageVaults = 1000;

interface ContentsCountOptions {
  readonly metadata: Pick<UnrecordedMetadata, "sumVaults" | "countWork" | "auditState">;
  /** Whether entries of the audit trail are also written to a file. */
  readonly hasAuditLog: boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly monotonic: () => number;
}

/** Counts what is stored, in pages: only when somebody asks, and at most once a minute, however often that is. */
export class ContentsCount {
  readonly #options: ContentsCountOptions;
  #counted: { readonly at: number; readonly contents: Promise<ContentsFigures> } | null = null;

  constructor(options: ContentsCountOptions) {
    this.#options = options;
  }

  /** Rejects when the store cannot be asked; the next call tries again. */
  current(): Promise<ContentsFigures> {
    const now = this.#options.monotonic();
    if (this.#counted !== null && now - this.#counted.at < ageMillisecondsMax) {
      return this.#counted.contents;
    }
    const counted = { at: now, contents: this.#count() };
    this.#counted = counted;
    counted.contents.catch(() => {
      if (this.#counted === counted) {
        this.#counted = null;
      }
    });
    return counted.contents;
  }

  async #count(): Promise<ContentsFigures> {
    const { metadata, hasAuditLog } = this.#options;
    const sum = { vaults: 0, archives: 0, sizeBytes: 0 };
    let afterId: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof metadata.sumVaults>> = await metadata.sumVaults({
        afterId,
        limit: pageVaults,
      });
      sum.vaults += page.vaults;
      sum.archives += page.archives;
      sum.sizeBytes += page.sizeBytes;
      afterId = page.vaults === pageVaults ? nextPlace(afterId, page.lastId) : null;
    } while (afterId !== null);
    const { pruned, head, loggedSequence } = await metadata.auditState({});
    return {
      ...sum,
      ...(await metadata.countWork()),
      auditEntries: head.sequence - pruned.sequence,
      unloggedAuditEntries: hasAuditLog ? head.sequence - Math.max(loggedSequence, pruned.sequence) : 0,
    };
  }
}
