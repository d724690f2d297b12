import type { HistoryCaller } from "../support/history/caller.ts";
import type { Call, Entry, History, Outcome } from "../support/history/calls.ts";

/** A call and its outcome, with the length of a record before the call was made and after its response had arrived. */
export interface RecordedStep {
  readonly call: Call;
  readonly outcome: Outcome;
  readonly beganAt: number;
  readonly endedAt: number;
}

/** Makes calls one after another while something is recorded. @param length the length of the record now */
export async function makeInTurn(
  calls: readonly Call[],
  caller: Pick<HistoryCaller, "perform">,
  length: () => Promise<number> | number,
): Promise<RecordedStep[]> {
  const steps: RecordedStep[] = [];
  for (const call of calls) {
    const beganAt = await length();
    const outcome = await caller.perform(call);
    steps.push({ call, outcome, beganAt, endedAt: await length() });
  }
  return steps;
}

/** Returns the history as the client knew it when the record had this length, and the server ended there. */
export const historyAt = (steps: readonly RecordedStep[], length: number): History => [
  ...steps.flatMap((step, index) => entriesOf(step, index + 1, length)),
  { event: "restart" },
];

function entriesOf({ call, outcome, beganAt, endedAt }: RecordedStep, number: number, length: number): Entry[] {
  const begin = { begin: number, call };
  const end = { end: number, outcome };
  return [...(beganAt < length ? [begin] : []), ...(endedAt <= length ? [end] : [])];
}
