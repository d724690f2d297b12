import { bytesInWords } from "../../arguments/sizes.ts";
import { dollars, durationInWords, grouped } from "../../planning/amounts-in-words.ts";
import type { RescueSnapshot, WaitReason } from "../rescue-event.ts";
import type { Work } from "../work.ts";

const reasons: Readonly<Record<Exclude<WaitReason, null>, string>> = {
  ahead: "enough is requested",
  requesting: "requesting",
  hour: "hourly limit",
  policy: "refused by the retrieval policy",
  capacity: "no capacity",
  throttled: "throttled",
  "jobs-in-progress": "too many jobs in progress",
  unavailable: "service unavailable",
  target: "TARGET UNUSABLE",
  "cost-cap": "cost limit reached",
};

/** Describes a snapshot in one line, the most important first. */
export function snapshotLine(snapshot: RescueSnapshot): string {
  const { selected, verified, failed, requested, readyJobs, secondsLeft, spentUsd, waiting } = snapshot;
  if (isCounting(snapshot)) {
    return "counting the archives";
  }
  const share = selected.bytes === 0 ? 100 : Math.floor((100 * verified.bytes) / selected.bytes);
  const isDone = verified.archives + failed.archives >= selected.archives;
  return [
    `${share} %`,
    `${grouped(verified.archives)} of ${grouped(selected.archives)} verified (${bytesInWords(verified.bytes)} of ${bytesInWords(selected.bytes)})`,
    ...(failed.archives > 0 ? [`${grouped(failed.archives)} FAILED`] : []),
    `${grouped(requested.archives)} requested, ${grouped(readyJobs)} ready`,
    `${bytesInWords(snapshot.bytesPerSecond)}/s`,
    `${snapshot.archivesPerSecond.toFixed(1)} archives/s`,
    ...(secondsLeft === null || isDone ? [] : [`${durationInWords(secondsLeft)} of fetching left`]),
    ...(spentUsd === null ? [] : [`${dollars(spentUsd)} so far`]),
    ...(waiting === null || waiting === "ahead" || waiting === "requesting" ? [] : [reasons[waiting]]),
  ].join(" · ");
}

/** Whether a rescue that runs has not counted its archives yet, which takes minutes in the largest vaults. */
export const isCounting = ({ selected, verified }: RescueSnapshot): boolean =>
  selected.archives === 0 && verified.archives === 0;

/** Describes all of a snapshot, a line for each fact. */
export function snapshotFacts(snapshot: RescueSnapshot): Readonly<Record<string, string>> {
  const { selected, verified, failed, requested, readyJobs, jobs, spentUsd, waiting } = snapshot;
  return {
    selected: amount(selected),
    verified: amount(verified),
    failed: amount(failed),
    "jobs in progress or ready": `${grouped(requested.archives)}, ${grouped(readyJobs)} of them ready`,
    "jobs of the last run": `${grouped(jobs.started)} started, ${grouped(jobs.adopted)} found, ${grouped(jobs.expired)} expired`,
    ...(spentUsd !== null && { "cost so far": `${dollars(spentUsd)} at most, with the transfer to the internet` }),
    ...(waiting !== null && { waiting: reasons[waiting] }),
  };
}

const amount = ({ archives, bytes }: Work): string => `${grouped(archives)} archives, ${bytesInWords(bytes)}`;
