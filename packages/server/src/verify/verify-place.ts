import type { MirrorState } from "./open-mirror.ts";
import type { VerifiedPlace } from "./place.ts";
import type { Report } from "./report.ts";
import { sealingKeyOf } from "./sealing-key.ts";
import { type Level, type Subset, Verification } from "./verification.ts";
import { verify } from "./verify.ts";

export interface VerifyOptions {
  readonly level: Level;
  readonly subset: Subset | null;
  /** The server's sealing key. @default null, the folder's own */
  readonly sealingKeyFile?: string | null;
  /** The end of the time for it, by `performance.now()`. */
  readonly deadline: number;
}

/** Runs all checks, and returns how many findings they reported. */
export async function verifyPlace(
  place: VerifiedPlace,
  { level, subset, deadline, mirror, sealingKeyFile = null }: VerifyOptions & { readonly mirror: MirrorState },
  report: Report,
): Promise<number> {
  const verification = new Verification(place, {
    ...{ level, subset, deadline, mirror, sealingKeyFile },
    print: report.finding,
  });
  const isComplete = await verify(verification);
  report.summary(verification.totals, {
    ...{ source: place.source, level, subset },
    mirror: mirror.state,
    hasRowKey: sealingKeyOf(verification) !== null,
    isComplete,
  });
  return verification.totals.findings;
}
