import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { endingOf } from "../server-process.ts";
import type { OutcomeCounts } from "./cluster-load.ts";
import type { Way } from "./network-cuts.ts";

/** A node while it is cut off from an engine, and afterwards. */
export interface CutNode {
  /** From the cut until `/health/ready` was 503. */
  readonly notReadySeconds: number;
  /** The response to an upload that was sent then. */
  readonly status: number;
  readonly refusedSeconds: number;
  /** From the end of the cut until `/health/ready` was 200. */
  readonly readySeconds: number;
  /** The response to an upload that was sent then. */
  readonly statusAfterwards: number;
  /** From the end of the cut until that upload was acknowledged. */
  readonly backSeconds: number;
}

export interface Round {
  readonly way: Way;
  /** The node that is cut off from the database. */
  readonly database: CutNode;
  /** The node that is cut off from the store. */
  readonly store: CutNode;
  /** Uploads through a third node meanwhile. */
  readonly others: { readonly stored: number; readonly of: number; readonly slowestSeconds: number };
}

export interface PartitionsResult {
  readonly rounds: readonly Round[];
  readonly calls: OutcomeCounts;
}

const program = fileURLToPath(new URL("./partitions-child.ts", import.meta.url));

/** Cuts one node off from the database and another off from the store, once for each way, under load that a model judges. */
export async function runPartitions(ways: readonly Way[]): Promise<PartitionsResult> {
  const child = spawn("unshare", ["--net", process.execPath, ...process.execArgv, program, ...ways], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const { code, signal, stdout, stderr } = await endingOf(child);
  if (code !== 0) {
    throw new Error(`The partitions ended with ${code ?? signal}: ${stderr}`);
  }
  return JSON.parse(stdout);
}
