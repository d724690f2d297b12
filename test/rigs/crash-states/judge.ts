import { decodeFooter } from "../../../packages/server/src/segments/footer.ts";
import type { Rows } from "./timeline.ts";

/** Everything that a power cut has left, and the responses that callers had by then. */
export interface CrashState {
  /** By path. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly rows: Rows;
  readonly stored: ReadonlySet<string>;
  readonly deleted: ReadonlySet<string>;
}

interface Known {
  /** The folder of the segments. */
  readonly blobs: string;
  /** The bytes of each archive. */
  readonly contents: ReadonlyMap<string, Buffer>;
}

/** Says what is lost, or contradicts itself. */
export function lossesIn(state: CrashState, known: Known): string[] {
  return [...brokenSegments(state, known), ...brokenPromises(state), ...unknownFiles(state, known)];
}

function* brokenSegments({ files, rows }: CrashState, { blobs, contents }: Known): Generator<string> {
  for (const [key, { ownerId, state }] of rows) {
    const file = files.get(`${blobs}/${key}`);
    if (state === "live" && !isSegmentOf(file, key, contents.get(ownerId))) {
      yield `the segment of ${ownerId} is live, but its file is ${file === undefined ? "missing" : "not complete"}`;
    }
  }
}

function* brokenPromises({ rows, stored, deleted }: CrashState): Generator<string> {
  const live = new Set([...rows.values()].filter(({ state }) => state === "live").map(({ ownerId }) => ownerId));
  for (const ownerId of [...stored].filter((each) => !live.has(each))) {
    yield `${ownerId} was stored, but has no live segment`;
  }
  for (const ownerId of [...deleted].filter((each) => live.has(each))) {
    yield `${ownerId} was deleted, but has a live segment`;
  }
}

function* unknownFiles({ files, rows }: CrashState, { blobs }: Known): Generator<string> {
  for (const path of files.keys()) {
    const key = path.slice(blobs.length + 1);
    if (path.startsWith(`${blobs}/`) && !key.startsWith("probe.") && !rows.has(key)) {
      yield `no row knows the file ${key}`;
    }
  }
}

function isSegmentOf(file: Buffer | undefined, key: string, content: Buffer | undefined): boolean {
  if (file === undefined || content === undefined || !file.subarray(0, content.length).equals(content)) {
    return false;
  }
  try {
    decodeFooter(file.subarray(content.length), { key, sizeBytes: content.length });
    return true;
  } catch {
    return false;
  }
}
