import { randomInt } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { GlacierHttp, RefusedError } from "../glacier-http.ts";
import { Random } from "../random.ts";
import { killWhileStarting, type ServerProcess, startServer, within } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { assertNoOrphans, assertSwept, auditInventory, auditUploads, readBack } from "./audit.ts";
import { Ledger } from "./ledger.ts";
import { act } from "./workload.ts";

const vault = "kill-rig";
const workersMax = 8;
const burstMillisecondsMax = 60_000;

/**
 * Kills the server at random moments while clients work, starts it again, and holds it to every response that was received.
 * What is random follows from the seed, but not what the scheduler makes of it: the seed tells a run, it does not repeat it.
 */
export async function runKillRig(test: TestContext, kills: number): Promise<void> {
  const seed = Number(process.env["MORAINE_KILL_SEED"] ?? randomInt(2 ** 32 - 1));
  test.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const ledger = new Ledger();
  await using folder = await temporaryFolder();
  const dataFolder = join(folder.path, "data");
  await prepare(dataFolder);
  const began = performance.now();
  let readings = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    await using server = await startServer({ dataFolder });
    const glacier = new GlacierHttp(server.url);
    try {
      readings += await audit({ dataFolder, glacier, ledger });
      await workUntilKilled({ server, glacier, ledger, random });
    } catch (error) {
      throw new Error(`After ${kill} kills with seed ${seed}: ${(error as Error).message}`, { cause: error });
    } finally {
      glacier.close();
    }
    if (random.fraction() < 0.05) {
      await killWhileStarting(dataFolder, random.whole(50, 400));
    }
  }
  readings += await auditAtLast(dataFolder, ledger);
  const seconds = (performance.now() - began) / 1000;
  test.diagnostic(
    `${kills} kills in ${seconds.toFixed(1)} s; ${ledger.sendings.size} archives sent, ${ledger.acknowledged} acknowledged, ` +
      `${ledger.withFate("stored").length} kept and ${ledger.withFate("deleted").length} deleted; ${readings} read back whole`,
  );
}

interface Cycle {
  readonly dataFolder: string;
  readonly glacier: GlacierHttp;
  readonly ledger: Ledger;
}

/** This server ends in order, and so keeps what it compiled: the next ones start faster. One that is killed keeps nothing. */
async function prepare(dataFolder: string): Promise<void> {
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  await glacier.createVault(vault);
  glacier.close();
  await server.stop();
}

async function audit({ dataFolder, glacier, ledger }: Cycle): Promise<number> {
  await assertSwept(dataFolder);
  await auditInventory({ glacier, vault, ledger });
  await auditUploads({ glacier, vault, ledger });
  return readBack(
    { glacier, vault },
    ledger.withFate("stored").filter((sending) => !sending.readBack),
  );
}

/** Half of the kills come at a random time, half in the very turn in which a response arrives. */
async function workUntilKilled({
  server,
  glacier,
  ledger,
  random,
}: Omit<Cycle, "dataFolder"> & { readonly server: ServerProcess; readonly random: Random }): Promise<void> {
  let killed = false;
  const strike = () => {
    killed = true;
    server.signal("SIGKILL");
  };
  const byTime = random.fraction() < 0.5;
  let answersLeft = byTime ? Number.POSITIVE_INFINITY : random.whole(1, 25);
  const timer = setTimeout(strike, byTime ? random.whole(1, 250) : burstMillisecondsMax);
  const onAcknowledged = () => {
    answersLeft -= 1;
    if (answersLeft === 0) {
      strike();
    }
  };
  const worker = async () => {
    while (!killed) {
      await act({ glacier, vault, ledger, random, onAcknowledged }).catch((error: unknown) => {
        // A refusal is never right here; a connection may break, but only by the kill.
        if (error instanceof RefusedError || !killed) {
          throw error;
        }
      });
    }
  };
  try {
    const workers = Promise.all(Array.from({ length: workersMax }, worker));
    await within(burstMillisecondsMax, workers, "the clients do not end");
  } finally {
    clearTimeout(timer);
    await server.kill();
  }
}

/** All that is kept is read once more, and the folder is left in order. */
async function auditAtLast(dataFolder: string, ledger: Ledger): Promise<number> {
  await using server = await startServer({ dataFolder });
  const glacier = new GlacierHttp(server.url);
  try {
    await audit({ dataFolder, glacier, ledger });
    const readings = await readBack({ glacier, vault }, ledger.withFate("stored"));
    await server.stop();
    await assertNoOrphans(dataFolder);
    return readings;
  } finally {
    glacier.close();
  }
}
