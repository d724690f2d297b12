import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runDamages } from "./rigs/damages/run.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import { startServer } from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { findingsIn } from "./support/verify/look.ts";

// A sample of what `npm run rigs` does with more seeds.

const seed = 1_000_003;
const count = 100;

test(`${count} damages are named, and neither changed by the check nor served (seed ${seed})`, async (t) => {
  const { findings, ...counts } = await runDamages({ seed, count });
  t.diagnostic(JSON.stringify(counts));
  assert.deepEqual(findings, []);
});

test("the check of an audit trail that leads back to its beginning ends, and names it", {
  timeout: 60_000,
}, async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, "data");
  await fillTrail(data);
  await leadBack(join(data, "moraine.db"));
  const messages = (await findingsIn(data, "quick")).map(({ message }) => message);
  assert.ok(
    messages.some((message) => /audit trail could not be ended: .*not in the order of their keys/.test(message)),
    messages.join("\n"),
  );
});

const vaultCount = 150;
const vaultName = (index: number) => `vault-${String(index).padStart(3, "0")}`;

/** Makes a trail of several pages. */
async function fillTrail(dataFolder: string): Promise<void> {
  await using server = await startServer({ dataFolder });
  const http = new GlacierHttp(server.url);
  for (let index = 0; index < vaultCount; index += 1) {
    await http.createVault(vaultName(index));
  }
  http.close();
  await server.stop();
}

/** Writes the trail's first page of rows over its last, as a disk does that writes to a wrong place. */
async function leadBack(file: string): Promise<void> {
  const bytes = await readFile(file);
  const pageBytes = bytes.readUInt16BE(16);
  const leafOfRows = 0x0d;
  const pageOf = (vault: string) => {
    for (let start = 0; start < bytes.length; start += pageBytes) {
      const page = bytes.subarray(start, start + pageBytes);
      if (page[0] === leafOfRows && page.includes("CreateVault") && page.includes(vault)) {
        return page;
      }
    }
    throw new Error(`no page of the audit trail has ${vault}`);
  };
  pageOf(vaultName(0)).copy(pageOf(vaultName(vaultCount - 1)));
  await writeFile(file, bytes);
}
