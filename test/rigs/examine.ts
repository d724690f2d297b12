import { makeTemporaryFolder } from "../../packages/server/src/files/temporary-folder.ts";
import { verifyFolder } from "../../packages/server/src/verify/verify-folder.ts";
import type { HistoryCaller } from "../support/history/caller.ts";
import type { History } from "../support/history/calls.ts";
import { observe } from "../support/history/observe.ts";
import { HistoryRecorder } from "../support/history/recorder.ts";
import { recoveredService } from "./recovered-service.ts";
import type { Examination, Recovery } from "./surroundings/surroundings.ts";
import { violationsOf } from "./violations.ts";

/**
 * Starts the service on a folder that a crash has left, observes all that the history until then names, and verifies the folder.
 * @param recovery what a scenario has next to the folder. @default nothing
 */
export async function examine(
  caller: HistoryCaller,
  history: History,
  path: string,
  recovery: Recovery = {},
): Promise<Examination> {
  await using recorder = HistoryRecorder.continuing(history);
  const findings: string[] = [];
  try {
    await using service = await recoveredService(path, recovery);
    caller.moveTo(service.url);
    await observe(recorder, (call) => recorder.record(call, (each) => caller.perform(each)));
    findings.push(...((await recovery.whileServing?.(recorder.entries, service.url)) ?? []));
  } catch (error) {
    return { violations: [], findings: [`the service does not start: ${(error as Error).message}`] };
  }
  findings.push(...(await findingsOf(path)));
  const more = await recovery.afterwards?.(recorder.entries);
  return {
    violations: [...violationsOf(recorder.entries), ...(more?.violations ?? [])],
    findings: [...findings, ...(more?.findings ?? [])],
  };
}

async function findingsOf(path: string): Promise<string[]> {
  const findings: string[] = [];
  const options = { level: "deep", subset: null, deadline: Number.POSITIVE_INFINITY, makeTemporaryFolder } as const;
  await verifyFolder(path, options, {
    finding: ({ code, message }) => findings.push(`${code}: ${message}`),
    summary: () => undefined,
  });
  return findings;
}
