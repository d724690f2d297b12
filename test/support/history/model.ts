import type { Call, Outcome } from "./calls.ts";
import { type Fault, judge, type Possibility } from "./possibilities.ts";
import { accessKeyRules } from "./rules/access-keys.ts";
import { archiveRules } from "./rules/archives.ts";
import { jobRules } from "./rules/jobs.ts";
import { lockRules } from "./rules/locks.ts";
import { uploadRules } from "./rules/uploads.ts";
import { vaultRules } from "./rules/vaults.ts";
import type { State, TimeSpan } from "./state.ts";

// An executable model of the service: which outcomes a call may have in a state, and the states that they lead to.

/** A call on few keys. A list is one action for each thing that it could show. */
export type Action =
  | Exclude<Call, { op: "ListVaults" | "ListArchives" | "ListMultipartUploads" | "AdvanceClock" | "BackUp" }>
  | { readonly op: "FindVault"; readonly vault: string }
  | { readonly op: "FindArchive"; readonly vault: string; readonly archive: string }
  | { readonly op: "FindUpload"; readonly vault: string; readonly archive: string };

export type ActionOf<Op extends Action["op"]> = Extract<Action, { op: Op }>;

export type Rule<Op extends Action["op"]> = (
  state: State,
  action: ActionOf<Op>,
  now: TimeSpan,
) => readonly Possibility[];

type Rules = { readonly [Op in Action["op"]]: Rule<Op> };

const rules: Rules = { ...vaultRules, ...archiveRules, ...uploadRules, ...jobRules, ...lockRules, ...accessKeyRules };

/** The state after an action that had this outcome, or why it cannot have had it. */
export function step(state: State, action: Action, outcome: Outcome, now: TimeSpan): State | Fault {
  const rule = rules[action.op] as Rule<Action["op"]>;
  return judge(state, rule(state, action as never, now), outcome);
}
