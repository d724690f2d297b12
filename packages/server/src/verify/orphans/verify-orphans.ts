import { setImmediate } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import { systemClock } from "../../clock/clocks.ts";
import { isBlobKey } from "../../storage/blobs/blob-key.ts";
import { type BucketPlace, openBucketPlace } from "../bucket/open-bucket-place.ts";
import type { Finding } from "../finding.ts";
import type { OpenOptions } from "../open-folder.ts";
import { TimeOverError } from "../verification.ts";
import type { Arguments } from "./arguments.ts";
import { describeOrphan, ownerOfKey, readOrphanFooter, subjectOf } from "./describe-orphan.ts";
import { foreignEntries, foreignObject } from "./foreign-objects.ts";
import type { KnownSegment } from "./known-segments.ts";
import { type ReconcileTotals, reconcile } from "./reconcile.ts";
import type { Report } from "./report.ts";

/** Compares a bucket with its database, and returns how many findings it reported. Throws when it cannot. */
export async function verifyOrphans(
  given: Pick<Arguments, "metadata" | "bucket" | "olderThanMilliseconds" | "maxSeconds">,
  options: OpenOptions,
  report: Report,
): Promise<number> {
  await using place = await openBucketPlace(given, options);
  const { olderThanMilliseconds, maxSeconds } = given;
  let findings = 0;
  const found = (finding: Finding) => {
    findings += 1;
    report.finding(finding);
  };
  const deadline = performance.now() + (maxSeconds ?? Number.POSITIVE_INFINITY) * millisecondsPer.second;
  const step = async () => {
    await setImmediate();
    if (performance.now() >= deadline) {
      throw new TimeOverError();
    }
  };
  const totals: ReconcileTotals = { objects: 0, bytes: 0, segments: 0, young: 0 };
  const isComplete = await compare(place, { olderThanMilliseconds, totals, found, step });
  report.summary({
    ...totals,
    findings,
    olderThanSeconds: olderThanMilliseconds / millisecondsPer.second,
    isComplete,
  });
  return findings;
}

interface Comparing {
  readonly olderThanMilliseconds: number;
  readonly totals: ReconcileTotals;
  found(finding: Finding): void;
  step(): Promise<void>;
}

/** False when the time was over first. */
async function compare(place: BucketPlace, { found, ...comparing }: Comparing): Promise<boolean> {
  const { blobs, bucket, isKept } = place;
  try {
    await reconcile(place, {
      ...comparing,
      async orphan(orphan) {
        const end = await readOrphanFooter(blobs, orphan.key);
        if (end !== null) {
          const mark = isKept(orphan.key) ? "; a file in the folder quarantine/ keeps it" : "";
          const message = `${describeOrphan(orphan, end)}${mark}`;
          found({ code: "object-orphan", message, ...subjectOf(orphan, end) });
        }
      },
      missing: (segment) => found(missingObject(segment)),
      foreign: (name) => found(foreignObject(`segments/${name}`)),
    });
    for await (const finding of foreignEntries(bucket, systemClock.now() - comparing.olderThanMilliseconds)) {
      found(finding);
      await comparing.step();
    }
    return true;
  } catch (error) {
    if (error instanceof TimeOverError) {
      return false;
    }
    throw error;
  }
}

function missingObject({ key, name, state }: KnownSegment): Finding {
  if (!isBlobKey(key)) {
    const message = `the owner of the segment ${Buffer.from(name).toString("hex")} cannot be read`;
    return { code: "row-damaged", message };
  }
  const message = `the object of a ${state} segment of ${ownerOfKey(key)} is missing`;
  return { code: "object-missing", message, ...subjectOf({ key }, { problem: "missing" }) };
}
