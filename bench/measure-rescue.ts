import { rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient, type GlacierClient } from "../packages/client/src/node.ts";
import { region, rootKey } from "../test/support/server-process.ts";
import { moraine, programRun, python } from "./program-run.ts";
import { type Program, type Race, race } from "./race.ts";
import { randomBytes } from "./source.ts";
import type { Stage } from "./stage.ts";

const archives = 1000;
const sizeBytes = 16 * 1024;
const uploadsAtOnce = 8;
const rounds = 3;

/** A vault of small archives into a folder, by our command, and by a loop over boto3 as its users write it. */
export async function measureRescue({ server, folder }: Stage): Promise<Race[]> {
  const url = `http://127.0.0.1:${server.port}`;
  const client = await createClient({ endpoint: url, region, credentials: rootKey });
  let vaults = 0;
  const program = (name: string, goal: number | null, command: (vault: string) => readonly string[]): Program => ({
    name,
    ...(goal !== null && { goal }),
    async run() {
      // Jobs of an earlier run would be found again.
      vaults += 1;
      const vault = `rescued-${vaults}`;
      await fill(client, vault);
      return programRun(url, command(vault), archives);
    },
    after: () => rm(join(folder, `rescued-${vaults}`), { recursive: true, force: true }),
  });
  const target = (vault: string) => join(folder, vault);
  const flags = (vault: string) => ["--yes", "--catalog", join(folder, `${vault}.sqlite`)];
  return [
    await race({ name: `rescue of ${archives} archives of 16 KiB`, unit: "archives", rounds }, [
      program("moraine, all verified, synced, resumable", null, (vault) => [
        ...moraine,
        ...["--endpoint", url, "--quiet", "rescue", vault, target(vault), ...flags(vault)],
      ]),
      program("boto3 in a loop, verified", 1, (vault) => [
        python,
        fileURLToPath(import.meta.resolve("./boto3_rescue.py")),
        ...[vault, target(vault)],
      ]),
    ]),
  ];
}

async function fill(client: GlacierClient, vaultName: string): Promise<void> {
  await client.createVault({ vaultName });
  const bytes = randomBytes(sizeBytes);
  let stored = 0;
  const upload = async () => {
    while (stored < archives) {
      stored += 1;
      await client.uploadArchive({ vaultName, archiveDescription: `archive ${stored}`, body: bytes });
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, upload));
}
