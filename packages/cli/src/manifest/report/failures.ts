/** An archive that could not be copied. */
export interface FailedArchive {
  readonly archiveId: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** On one line: what went wrong, and what to do. */
  readonly reason: string;
  readonly attempts: number;
  readonly failedAt: Date;
}

const shownMax = 500;
const reasonsMax = 100;

/** Keeps the first failures, and counts all by their reason. */
export class FailureSummary {
  readonly shown: FailedArchive[] = [];
  readonly byReason = new Map<string, number>();
  archives = 0;
  bytes = 0;

  add(failed: FailedArchive): void {
    this.archives += 1;
    this.bytes += failed.sizeBytes;
    if (this.shown.length < shownMax) {
      this.shown.push(failed);
    }
    const isRoom = this.byReason.has(failed.reason) || this.byReason.size < reasonsMax;
    const reason = isRoom ? failed.reason : "other reasons";
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1);
  }
}

export function failureLine({ archiveId, path, sizeBytes, reason, attempts, failedAt }: FailedArchive): string {
  return `${JSON.stringify({ archiveId, path, bytes: sizeBytes, reason, attempts, failedAt: failedAt.toISOString() })}\n`;
}
