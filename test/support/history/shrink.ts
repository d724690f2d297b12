import type { Answer, Call, Entry, History } from "./calls.ts";
import { check, type Violation } from "./check.ts";

/**
 * Makes a history that violates the model as small as it can be while it shows the same violation: first without other
 * names, then without calls that do not matter.
 */
export function shrink(history: History, violation: Violation): History {
  const fails = (candidate: History) => check(candidate)?.sentence === violation.sentence;
  const byNames = withoutEach(history, namesIn(history), withoutNames, fails);
  return withoutEach(byNames, unitsOf(byNames), withoutUnits, fails);
}

/** Drops halves, then quarters, and so on down to single things, until no single one can go. */
function withoutEach<Thing>(
  history: History,
  things: readonly Thing[],
  without: (history: History, dropped: ReadonlySet<Thing>) => History,
  fails: (candidate: History) => boolean,
): History {
  let rest = { history, things };
  for (let size = Math.ceil(things.length / 2); size > 1; size = Math.ceil(size / 2)) {
    rest = withoutRuns(rest, size, without, fails);
  }
  for (let count = -1; count !== rest.things.length; ) {
    count = rest.things.length;
    rest = withoutRuns(rest, 1, without, fails);
  }
  return rest.history;
}

function withoutRuns<Thing>(
  { history, things }: { readonly history: History; readonly things: readonly Thing[] },
  size: number,
  without: (history: History, dropped: ReadonlySet<Thing>) => History,
  fails: (candidate: History) => boolean,
) {
  let current = history;
  const left: Thing[] = [];
  for (let start = 0; start < things.length; start += size) {
    const run = things.slice(start, start + size);
    const candidate = without(current, new Set(run));
    if (fails(candidate)) {
      current = candidate;
    } else {
      left.push(...run);
    }
  }
  return { history: current, things: left };
}

/** Names a vault, an archive, an upload or a job. */
type Name = string;

const ownName = (call: Call): Name | null =>
  "archive" in call ? `${call.vault}/${call.archive}` : "job" in call ? `${call.vault}/job ${call.job}` : null;

const namesOfCall = (call: Call): Name[] =>
  [...("vault" in call ? [call.vault] : []), ownName(call)].filter((name) => name !== null);

const namesIn = (history: History): Name[] => [
  ...new Set(history.flatMap((entry) => ("begin" in entry ? namesOfCall(entry.call) : []))),
];

function withoutNames(history: History, dropped: ReadonlySet<Name>): History {
  const isDropped = (call: Call) => namesOfCall(call).some((name) => dropped.has(name));
  const calls = new Map(history.flatMap((entry) => ("begin" in entry ? [[entry.begin, entry.call] as const] : [])));
  return history.flatMap((entry): Entry[] => {
    const call = calls.get("begin" in entry ? entry.begin : "end" in entry ? entry.end : -1);
    if (call !== undefined && isDropped(call)) {
      return [];
    }
    return "end" in entry && entry.outcome.kind === "ok"
      ? [{ ...entry, outcome: { kind: "ok", answer: withoutListed(entry.outcome.answer, call, dropped) } }]
      : [entry];
  });
}

function withoutListed(answer: Answer, call: Call | undefined, dropped: ReadonlySet<Name>): Answer {
  const vault = call !== undefined && "vault" in call ? call.vault : null;
  const isKept = (name: string) => !dropped.has(vault === null ? name : `${vault}/${name}`);
  return {
    ...answer,
    ...(answer.vaults && { vaults: answer.vaults.filter(isKept) }),
    ...(answer.archives && { archives: answer.archives.filter(({ name }) => isKept(name)) }),
    ...(answer.uploads && { uploads: answer.uploads.filter(isKept) }),
  };
}

/** The numbers of calls, and events by their lines. */
type Unit = number | Entry;

const unitsOf = (history: History): Unit[] =>
  history.flatMap((entry): Unit[] => ("begin" in entry ? [entry.begin] : "end" in entry ? [] : [entry]));

const withoutUnits = (history: History, dropped: ReadonlySet<Unit>): History =>
  history.filter((entry) => !dropped.has("begin" in entry ? entry.begin : "end" in entry ? entry.end : entry));
