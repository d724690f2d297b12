import { dayOver } from "../expiry.ts";
import type { Rule } from "../model.ts";
import { fault, type Possibility, refusal, success } from "../possibilities.ts";
import type { State, TimeSpan, Values } from "../state.ts";
import { differenceOf, reads } from "./archives.ts";
import { inVault, invalid, notFound } from "./in-vault.ts";

// `in_progress → succeeded | failed → expired`. A job ends by itself: it is seen to have ended. Its output outlives its archive.

type Job = Values["job"];
interface At {
  readonly vault: string;
  readonly job: string;
}

const initiateJob: Rule<"InitiateJob"> = (state, action, now) =>
  inVault(state, action, () =>
    reads(state, action, ({ sizeBytes, treeHash }) =>
      withJob(state, action, { state: "in_progress", sizeBytes, treeHash, startedAt: now, endedBy: null }),
    ),
  );

const shownState = { in_progress: "InProgress", succeeded: "Succeeded", failed: "Failed", expired: "" } as const;

const endings = ["in_progress", "succeeded", "failed"] as const;

const describeJob: Rule<"DescribeJob"> = (state, action, now) =>
  whileKept(state, action, now, (job) =>
    endings
      .filter((ending) => job.state === ending || job.state === "in_progress")
      .map((ending) => {
        const next: Job = ending === job.state ? job : { ...job, state: ending, endedBy: now };
        const shown = withJob(state, action, next);
        const wrong = backwards(job);
        return success(
          (answer) => (answer === null ? state : answer.state === shownState[ending] ? shown : wrong),
          kept(action),
        );
      }),
  );

const backwards = ({ state }: Job) =>
  fault("job backwards", state === "in_progress" ? "the job is in progress" : `the job had ${state} before`);

const getOutput: Rule<"GetJobOutput"> = (state, action, now) =>
  whileKept(state, action, now, (job) => {
    const succeeded: Job = { ...job, state: "succeeded", endedBy: job.endedBy ?? now };
    const output = success(
      (answer) =>
        differenceOf({ ...action, archive: action.job }, job, answer ?? {}) ??
        withJob(state, action, answer === null ? job : succeeded),
      job.state === "succeeded" ? backwards(job) : kept(action),
    );
    const notReady = refusal(invalid, state, backwards(job));
    return { in_progress: [output, notReady], succeeded: [output], failed: [notReady], expired: [] }[job.state];
  });

/** A day after its end a job is gone. */
function whileKept(
  state: State,
  at: At,
  now: TimeSpan,
  possibilities: (job: Job) => readonly Possibility[],
): readonly Possibility[] {
  return inVault(state, at, () => {
    const job = state.get("job", at.vault, at.job);
    const gone = (next: State) =>
      refusal(notFound, next, fault("undone deletion", "the job does not exist at that time"));
    if (job === undefined || job.state === "expired") {
      return [gone(state)];
    }
    const isGone = job.endedBy !== null && dayOver(job.endedBy, now) === "yes";
    const mayBeGone = dayOver(job.startedAt, now) !== "no";
    return [
      ...(isGone ? [] : possibilities(job)),
      ...(mayBeGone ? [gone(withJob(state, at, { ...job, state: "expired" }))] : []),
    ];
  });
}

const withJob = (state: State, { vault, job: name }: At, job: Job): State => state.with("job", { vault, name }, job);

const kept = ({ vault, job }: At) => fault("lost change", `job ${vault}/${job} exists`);

export const jobRules = { InitiateJob: initiateJob, DescribeJob: describeJob, GetJobOutput: getOutput };
