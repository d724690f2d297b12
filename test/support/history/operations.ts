import type { Answer, Call, Entry, History, Outcome } from "./calls.ts";
import type { Action } from "./model.ts";
import type { TimeSpan } from "./state.ts";

/** An action and its outcome, somewhere between two moments. Moments are positions of lines. */
export interface Operation {
  /** The number of the call that it belongs to. */
  readonly call: number;
  readonly action: Action;
  readonly outcome: Outcome;
  readonly begin: number;
  /** A known outcome: it was carried out before this. An unknown one: it was carried out before this, or never. */
  readonly end: number;
  readonly now: TimeSpan;
}

/** A call with its lines; null where the client ended before it wrote the second. */
export interface Span {
  readonly number: number;
  readonly call: Call;
  readonly begin: number;
  readonly ended: { readonly at: number; readonly outcome: Outcome } | null;
}

const unseen: Outcome = { kind: "unknown", reason: "the client has written no outcome" };

/** All that a history says, in actions on few keys. */
export function operationsOf(history: History): Operation[] {
  const spans = spansOf(history);
  const restarts = positionsOf(history, "restart");
  const names = namesIn(spans);
  const clock = clockOf(spans);
  return spans.flatMap(({ number, call, begin, ended }) => {
    const outcome = ended?.outcome ?? unseen;
    const end =
      ended === null || outcome.kind === "unknown"
        ? (restarts.find((restart) => restart > begin) ?? Number.POSITIVE_INFINITY)
        : ended.at;
    const now = clock(begin, end);
    return actionsOf(call, outcome, names).map((action) => ({ call: number, action, outcome, begin, end, now }));
  });
}

export function positionsOf(history: History, event: "restart" | "observe"): number[] {
  return history.flatMap((entry, at) => ("event" in entry && entry.event === event ? [at] : []));
}

export function spansOf(history: History): Span[] {
  const ends = new Map<number, Span["ended"]>();
  for (const [at, entry] of history.entries()) {
    if ("end" in entry) {
      ends.set(entry.end, { at, outcome: entry.outcome });
    }
  }
  const isBegin = (entry: Entry): entry is Extract<Entry, { begin: number }> => "begin" in entry;
  return history.flatMap((entry, begin) =>
    isBegin(entry) ? [{ number: entry.begin, call: entry.call, begin, ended: ends.get(entry.begin) ?? null }] : [],
  );
}

interface Names {
  readonly vaults: ReadonlySet<string>;
  /** Archives and uploads, by vault. */
  readonly archives: ReadonlyMap<string, ReadonlySet<string>>;
}

function namesIn(spans: readonly Span[]): Names {
  const vaults = new Set<string>();
  const archives = new Map<string, Set<string>>();
  for (const { call, ended } of spans) {
    const answer = ended?.outcome.kind === "ok" ? ended.outcome.answer : {};
    const own = "vault" in call ? [call.vault] : [];
    for (const vault of [...own, ...(answer.vaults ?? [])]) {
      vaults.add(vault);
    }
    for (const vault of own) {
      archives.set(vault, withAll(archives.get(vault) ?? new Set(), archivesIn(call, answer)));
    }
  }
  return { vaults, archives };
}

function withAll(known: Set<string>, names: readonly string[]): Set<string> {
  for (const name of names) {
    known.add(name);
  }
  return known;
}

const archivesIn = (call: Call, { archives = [], uploads = [] }: Answer): string[] => [
  ...("archive" in call ? [call.archive] : []),
  ...archives.map(({ name }) => name),
  ...uploads,
];

/** A list says of each name whether it exists. A list that was refused says that there is no vault. */
function actionsOf(call: Call, outcome: Outcome, { vaults, archives }: Names): Action[] {
  switch (call.op) {
    case "AdvanceClock":
    case "BackUp":
      return [];
    case "ListVaults":
      return outcome.kind === "ok" ? [...vaults].map((vault) => ({ op: "FindVault", vault })) : [];
    case "ListArchives":
    case "ListMultipartUploads": {
      if (outcome.kind !== "ok") {
        return outcome.kind === "refused" ? [{ op: "DescribeVault", vault: call.vault }] : [];
      }
      const op = call.op === "ListArchives" ? "FindArchive" : "FindUpload";
      return [...(archives.get(call.vault) ?? [])].map((archive) => ({ op, vault: call.vault, archive }));
    }
    default:
      return [call];
  }
}

/** By how much the manual clock had been moved at some moment between two others. */
function clockOf(spans: readonly Span[]): (begin: number, end: number) => TimeSpan {
  const steps = spans.flatMap(({ call, begin, ended }) =>
    call.op === "AdvanceClock" && ended?.outcome.kind !== "refused"
      ? [{ seconds: call.seconds, begin, doneAt: ended?.outcome.kind === "ok" ? ended.at : Number.POSITIVE_INFINITY }]
      : [],
  );
  const sum = (list: typeof steps) => list.reduce((total, { seconds }) => total + seconds, 0);
  return (begin, end) => ({
    low: sum(steps.filter(({ doneAt }) => doneAt < begin)),
    high: sum(steps.filter((step) => step.begin < end)),
  });
}
