import type { Target } from "../targets/target.ts";
import { failuresName, manifestName, reportName, sumsName } from "./document-names.ts";
import { readManifest } from "./manifest-reader.ts";
import { CopyStatistics } from "./report/copy-statistics.ts";
import { type FailedArchive, FailureSummary, failureLine } from "./report/failures.ts";
import { type RescueFacts, reportPage } from "./report/report-page.ts";
import { signManifest } from "./signature.ts";
import type { SigningKey } from "./signing-key.ts";
import { sumLine } from "./sum-line.ts";

export interface FinishOptions {
  readonly facts: RescueFacts;
  readonly failures: AsyncIterable<FailedArchive> | Iterable<FailedArchive>;
  /** The key that signs the manifest; null for none. */
  readonly key: SigningKey | null;
}

/**
 * Writes the documents that are made from the manifest: SHA256SUMS, FAILED.jsonl, REPORT.html, and the signature. May be repeated, also after
 * more copies were added.
 */
export async function finishManifest(
  target: Pick<Target, "documents" | "namesCopies">,
  { facts, failures, key }: FinishOptions,
): Promise<void> {
  const { documents, namesCopies = true } = target;
  await documents.join?.(manifestName);
  const copies = new CopyStatistics();
  const sums = sumLines(target, copies);
  if (namesCopies) {
    await documents.write(sumsName, sums);
  } else {
    await readAll(sums);
  }
  const summary = new FailureSummary();
  await documents.write(failuresName, failureLines(failures, summary));
  await documents.write(reportName, reportPage({ facts, copies, failures: summary }));
  if (key !== null) {
    await signManifest(documents, key);
  }
}

/** Yields a line for each copy, and counts the copies. */
async function* sumLines(
  { documents }: Pick<Target, "documents">,
  copies: CopyStatistics,
): AsyncGenerator<string, void, void> {
  const manifest = await documents.read(manifestName);
  if (manifest === null) {
    return;
  }
  for await (const batch of readManifest(manifest)) {
    for (const entry of batch) {
      copies.add(entry);
    }
    yield batch.map(({ sha256, location }) => (sha256 === null ? "" : sumLine(sha256, location))).join("");
  }
}

async function readAll(lines: AsyncIterable<string>): Promise<void> {
  for await (const _ of lines) {
    // Reading counts the copies.
  }
}

async function* failureLines(
  failures: FinishOptions["failures"],
  summary: FailureSummary,
): AsyncGenerator<string, void, void> {
  for await (const failed of failures) {
    summary.add(failed);
    yield failureLine(failed);
  }
}
