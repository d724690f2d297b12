import { statSync } from "node:fs";
import { join } from "node:path";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { History } from "../../support/history/calls.ts";
import { startServer } from "../../support/server-process.ts";
import { historyAt, makeInTurn } from "../recorded-steps.ts";
import type { Scenario } from "../scenarios.ts";
import { type FileSystemName, mountFolder } from "./file-systems.ts";
import { startRecording } from "./recording-disks.ts";

/** All writes and flushes of disks on which a server served the calls of a scenario, one after another. */
export interface DiskRecording extends AsyncDisposable {
  readonly log: string;
  /** The log's length when the calls of interest began, and when the server had ended. */
  readonly interrupted: { readonly from: number; readonly to: number };
  /** The log's length when the response to each call of interest had arrived. */
  readonly responses: readonly number[];
  /** Knows the ids that the responses gave. */
  readonly caller: HistoryCaller;
  /** Returns the history as the client knew it when the log had this length, and the power was cut there. */
  historyAt(length: number): History;
}

/**
 * @param images on which the server's disks are based; they are changed
 * @param folder for the log, and for mount points
 */
export async function record(
  { fileSystem, images, folder }: { fileSystem: FileSystemName; images: readonly string[]; folder: string },
  { before, interrupted, restarts }: Scenario,
): Promise<DiskRecording> {
  await using disks = await startRecording(images, folder);
  await using mounted = await mountFolder(fileSystem, disks.paths, join(folder, "recorded"));
  const options = { dataFolder: mounted.path };
  await using server = await startServer(options);
  const caller = new HistoryCaller(server.url, "");
  const length = () => statSync(disks.log).size;
  const stepsBefore = await makeInTurn(before, caller, length);
  const from = length();
  const interruptedSteps = await makeInTurn(interrupted, caller, length);
  if (restarts === true) {
    await server.stop();
    await using next = await startServer(options);
    await next.kill();
  } else {
    await server.kill();
  }
  // An unmount writes more, which is no part of it.
  const to = length();
  const steps = [...stepsBefore, ...interruptedSteps];
  return {
    ...{ log: disks.log, caller, interrupted: { from, to } },
    responses: interruptedSteps.map(({ endedAt }) => endedAt),
    historyAt: (at) => historyAt(steps, at),
    [Symbol.asyncDispose]: async () => caller.close(),
  };
}
