import type { CommandContext } from "../../context/tools.ts";
import type { RescueEnd } from "../rescue.ts";
import type { RescueSnapshot } from "../rescue-event.ts";
import type { RescueParts, RescueState } from "../rescue-state.ts";
import { type MetricsAddress, serveMetrics } from "./metrics-server.ts";
import type { RescueReport } from "./rescue-report.ts";
import { recordState } from "./rescue-status.ts";
import { Snapshots } from "./snapshot.ts";
import { isCounting } from "./snapshot-text.ts";

const snapshotMilliseconds = 1000;
/** Snapshots until one is recorded for `--status`. */
const recordedEvery = 5;

export interface RescueWatch extends AsyncDisposable {
  /** Starts to show the state. */
  begin(state: RescueState): void;
  /** Returns the last snapshot. */
  end(end: RescueEnd): RescueSnapshot;
}

/** Shows a rescue while it runs: on the terminal, to `--status`, and to Prometheus. */
export async function watchRescue(
  tools: Pick<CommandContext, "now" | "stderr">,
  parts: RescueParts,
  report: RescueReport,
  { metrics }: { readonly metrics: MetricsAddress | null },
): Promise<RescueWatch> {
  let snapshots: Snapshots | null = null;
  let count = 0;
  const taken = (): Snapshots => {
    if (snapshots === null) {
      throw new Error("The rescue has not begun");
    }
    return snapshots;
  };
  const record = (end: RescueEnd | "interrupted" | null) => {
    const { catalog, target } = parts;
    const at = tools.now().toISOString();
    recordState(catalog, { target: target.url, pid: process.pid, at, end, snapshot: taken().take() });
  };
  let wasCounting = true;
  const look = () => {
    const snapshot = taken().take();
    report.onSnapshot(snapshot);
    count += 1;
    if (count % recordedEvery === 1 || isCounting(snapshot) !== wasCounting) {
      record(null);
    }
    wasCounting = isCounting(snapshot);
  };
  const server = metrics === null ? null : await serveMetrics(metrics, parts.vaultName, () => taken().take());
  if (server !== null) {
    tools.stderr.write(`moraine: metrics are at ${server.url}\n`);
  }
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  return {
    begin(state) {
      snapshots = new Snapshots(parts, state);
      timer = setInterval(look, snapshotMilliseconds);
      look();
    },
    end(end) {
      clearInterval(timer);
      hasEnded = true;
      record(end);
      const last = taken().take();
      report.onSnapshot(last);
      return last;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      if (snapshots !== null && !hasEnded) {
        record("interrupted");
        report.close();
      }
      await server?.[Symbol.asyncDispose]();
    },
  };
}
