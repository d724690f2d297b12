import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { violationsOf } from "../../rigs/violations.ts";
import { contentOf, treeHashOf } from "../content.ts";
import { HistoryCaller } from "../history/caller.ts";
import type { Call, Content, Outcome } from "../history/calls.ts";
import { observe } from "../history/observe.ts";
import { HistoryRecorder } from "../history/recorder.ts";
import { Random } from "../random.ts";
import { within } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const vaultPrefix = "cluster-";
/** A search for an explanation takes those of a vault together. */
const archivesOfVault = 20;
const sizeBytesMax = 300_000;
const partSizeBytes = 1024 ** 2;
const jobSecondsMax = 60;
/** A node gives a change up after 30 seconds, and a step of the bucket after two minutes. */
const callMillisecondsMax = 150_000;
/** After a call that did not succeed, as SDKs do. */
const pauseMillisecondsMax = 400;
/** Fewer prove nothing. */
const succeededMin = 50;

type Make = (call: Call) => Promise<Outcome>;

/** Calls of each outcome. */
export type OutcomeCounts = Readonly<Record<Outcome["kind"], number>>;

/**
 * Makes calls while trouble comes, one after another through each of these URLs, all at the same time. Then everything is observed through
 * the last, and the model judges what was seen.
 */
export async function underLoad(urls: readonly string[], trouble: () => Promise<void>): Promise<OutcomeCounts> {
  await using folder = await temporaryFolder();
  await using recorder = await HistoryRecorder.create(join(folder.path, "history"));
  await using callers = new AsyncDisposableStack();
  const makeThrough = (url: string): Make => {
    const caller = callers.adopt(new HistoryCaller(url, vaultPrefix), async (each) => each.close());
    caller.jobSecondsMax = jobSecondsMax;
    const perform = (call: Call) => caller.perform(call);
    return (call) => within(callMillisecondsMax, recorder.record(call, perform), `${call.op} has no outcome`);
  };
  const makes = urls.map(makeThrough);
  const last = makes.at(-1);
  assert.ok(last !== undefined);
  const stopping = new AbortController();
  const running = makes.map((make, worker) => work(worker, make, stopping.signal));
  await trouble().finally(() => stopping.abort());
  await Promise.all(running);
  await recorder.note("restart");
  await observe(recorder, last);
  assert.deepEqual(violationsOf(recorder.entries), []);
  const outcomes = recorder.entries.flatMap((entry) => ("end" in entry ? [entry.outcome.kind] : []));
  const countOf = (kind: Outcome["kind"]) => outcomes.filter((one) => one === kind).length;
  const counts = { ok: countOf("ok"), refused: countOf("refused"), unknown: countOf("unknown") };
  assert.ok(counts.ok >= succeededMin, JSON.stringify(counts));
  return counts;
}

/** Uploads, in one piece and in parts, of which some are deleted and some are read. */
async function work(worker: number, make: Make, signal: AbortSignal): Promise<void> {
  const random = new Random(100 + worker);
  for (let number = 0; !signal.aborted; number += 1) {
    const vault = `${vaultPrefix}${worker}-${Math.floor(number / archivesOfVault)}`;
    const archive = `${worker}-${number}`;
    const upload = uploadOf({ vault, archive }, 2 * (worker * 10_000 + number), random);
    const next = random.oneOf(["DeleteArchive", "ReadArchive", null] as const);
    const calls: Call[] = [
      ...(number % archivesOfVault === 0 ? [{ op: "CreateVault", vault } as const] : []),
      ...upload,
      ...(next == null ? [] : [{ op: next, vault, archive } as const]),
      { op: "AddTagsToVault", vault, tags: { last: archive } },
    ];
    for (const call of calls) {
      const { kind } = await make(call);
      if (kind !== "ok") {
        await sleep(random.whole(0, pauseMillisecondsMax));
        break;
      }
    }
  }
}

interface Own {
  readonly vault: string;
  readonly archive: string;
}

function uploadOf(own: Own, seed: number, random: Random): Call[] {
  const last = sent(seed, random.whole(1, sizeBytesMax));
  if (random.whole(1, 4) > 1) {
    return [{ op: "UploadArchive", ...own, ...last }];
  }
  const first = sent(seed + 1, partSizeBytes);
  const bytes = Buffer.concat([first, last].map((part) => contentOf(part.seed, part.sizeBytes)));
  return [
    { op: "InitiateMultipartUpload", ...own, partSizeBytes },
    { op: "UploadMultipartPart", ...own, firstByte: 0, ...first },
    { op: "UploadMultipartPart", ...own, firstByte: partSizeBytes, ...last },
    { op: "CompleteMultipartUpload", ...own, sizeBytes: bytes.length, treeHash: treeHashOf(bytes) },
  ];
}

const sent = (seed: number, sizeBytes: number): Content & { readonly seed: number } => ({
  ...{ seed, sizeBytes },
  treeHash: treeHashOf(contentOf(seed, sizeBytes)),
});
