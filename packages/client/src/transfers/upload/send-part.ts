import { setTimeout as sleep } from "node:timers/promises";
import { type ByteRange, rangeLength } from "@moraine/protocol";
import { hasCode } from "../../error-code.ts";
import type { GlacierClient } from "../../glacier-client.ts";
import { type Bandwidth, paced } from "../bandwidth.ts";
import type { PartDigest } from "../hashing/part-digest.ts";
import type { Progress } from "../progress.ts";
import { asError, RangeFailedError, SourceChangedError, VerificationError } from "../transfer-errors.ts";
import type { SourcePart } from "./source-part.ts";

const attemptsMax = 5;
const pauseMilliseconds = 100;

/** The body of a request, with its hashes, so that the client does not compute them again. */
type Body = Parameters<GlacierClient["uploadMultipartPart"]>[0]["body"];

export interface SendContext {
  readonly progress: Progress;
  readonly bandwidth: Bandwidth | undefined;
  readonly signal: AbortSignal;
}

interface Accepted {
  readonly checksum?: string;
  readonly archiveId?: string;
}

/**
 * Sends a part by the given request, and again if it was damaged in transit: the service refuses the hashes, or reports another hash for a
 * part, which a repetition replaces. Throws SourceChangedError if the source has changed, RangeFailedError, and VerificationError if the
 * service accepts the bytes but reports no tree hash, another one each time, or another one for an archive.
 */
export async function sendPart<Result extends Accepted>(
  part: SourcePart,
  digest: PartDigest,
  request: (body: Body) => Promise<Result>,
  context: SendContext,
): Promise<Result> {
  const body = bodyOf(part, digest, context);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await request(body);
      assertTakenAsSent(part, digest, answer);
      return answer;
    } catch (cause) {
      context.signal.throwIfAborted();
      const error = asError(cause);
      if (!isDamage(error)) {
        throw error;
      }
      const range = rangeOf(part);
      const final = attempt >= attemptsMax;
      context.progress.emit({ kind: "range-failed", range, attempt, error, final });
      await assertSame(part, digest);
      if (final) {
        throw finalFailure(range, attempt, error);
      }
      await sleep(pauseMilliseconds * 2 ** attempt * Math.random(), undefined, { signal: context.signal });
    }
  }
}

function finalFailure(range: ByteRange, attempts: number, error: Error): Error {
  return error instanceof VerificationError ? error : new RangeFailedError(range, attempts, error);
}

function assertTakenAsSent(
  part: SourcePart,
  { treeHash }: PartDigest,
  { checksum = "none", archiveId }: Accepted,
): void {
  if (checksum.toLowerCase() !== treeHash) {
    const made = archiveId === undefined ? "" : `, and made archive ${archiveId}`;
    const advice = `The server reported this hash but accepted the upload anyway${made}.`;
    const what = { range: rangeOf(part), expected: treeHash, computed: checksum };
    throw archiveId === undefined && checksum !== "none"
      ? new PartHashError(what, advice)
      : new VerificationError(what, advice);
  }
}

/** A part has another hash than was sent. It may be sent again, unlike an archive. */
class PartHashError extends VerificationError {}

function rangeOf({ firstByte, lastByte }: SourcePart): ByteRange {
  return { firstByte, lastByte };
}

/** Whether the service received other bytes than were hashed here. */
function isDamage(error: Error): boolean {
  return (
    error instanceof PartHashError ||
    (hasCode(error, "InvalidSignatureException") &&
      error.message.startsWith("The value passed in as x-amz-content-sha256")) ||
    (hasCode(error, "InvalidParameterValueException") && error.message.startsWith("Checksum mismatch"))
  );
}

async function assertSame(part: SourcePart, { treeHash }: PartDigest): Promise<void> {
  if ((await part.digest()).treeHash !== treeHash) {
    throw new SourceChangedError(
      `The source changed at bytes ${part.firstByte} to ${part.lastByte} while it was uploaded`,
    );
  }
}

function bodyOf(
  part: SourcePart,
  { treeHash, sha256 }: PartDigest,
  { progress, bandwidth, signal }: SendContext,
): Body {
  let farthest = 0;
  return {
    async *open() {
      let sent = 0;
      for await (const piece of paced(part.open(), bandwidth, signal)) {
        progress.moved(piece.length, Math.min(piece.length, Math.max(0, farthest - sent)));
        sent += piece.length;
        farthest = Math.max(farthest, sent);
        yield piece;
      }
    },
    sizeBytes: rangeLength(part),
    sha256,
    treeHash,
  };
}
