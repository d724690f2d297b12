import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { millisecondsPer } from "@moraine/protocol";
import { GlacierHttp, RefusedError } from "../support/glacier-http.ts";
import { accountId, region, type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// The machine's clock is moved under a running server, and between its runs: what a lock keeps for a year stays a year.

const { day } = millisecondsPer;
const year = 365 * day;
const vault = "records";
const policy = (days: number) =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "glacier:DeleteArchive",
        Resource: `arn:aws:glacier:${region}:${accountId}:vaults/${vault}`,
        Condition: { NumericLessThan: { "glacier:ArchiveAgeInDays": String(days) } },
      },
    ],
  });

/** A machine with a clock of its own, in which servers are started one after the other over one folder. */
class Machine {
  readonly #folder: string;
  readonly #offsetFile: string;
  #ahead = 0;
  #server: ServerProcess | undefined;
  client = new GlacierHttp("http://unused");

  constructor(folder: string) {
    this.#folder = folder;
    this.#offsetFile = join(folder, "offset");
  }

  /** From now on the clock is so far ahead of the true one, or behind it. */
  async setClock(aheadMilliseconds: number): Promise<void> {
    const seconds = Math.round(aheadMilliseconds / 1000);
    await writeFile(this.#offsetFile, `${seconds < 0 ? "" : "+"}${seconds}`);
    this.#ahead = aheadMilliseconds;
    this.client.clockAheadMilliseconds = aheadMilliseconds;
  }

  async start(...flags: string[]): Promise<void> {
    const [library = "libfaketime is not installed"] = globSync("/usr/lib/*/faketime/libfaketime.so.1");
    const environment = {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: this.#offsetFile,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    this.#server = await startServer({ dataFolder: join(this.#folder, "data"), flags, environment });
    this.client = new GlacierHttp(this.#server.url);
    this.client.clockAheadMilliseconds = this.#ahead;
  }

  /** Resolves to the server's log. */
  async stop(): Promise<string> {
    this.client.close();
    return (await this.#server?.stop())?.stderr ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}

test("no move of the machine's clock, forward or back, live or over a restart, lets an archive go before its time", async () => {
  await using folder = await temporaryFolder();
  await using machine = new Machine(folder.path);
  await machine.setClock(0);
  await machine.start();
  const kept = [await lockedArchive(machine)];
  const allStay = async (when: string) => {
    const clock = (await machine.client.admin("GET", "/clock")) as { Now: string; PolicyNow: string };
    for (const archiveId of kept) {
      const removal = machine.client.deleteArchive(vault, archiveId);
      await assert.rejects(removal, isDenied, `${when}: ${JSON.stringify(clock)}`);
    }
    return clock;
  };

  await machine.setClock(10 * year);
  const ahead = await allStay("ten years forward");
  assert.ok(
    Date.parse(ahead.Now) - Date.parse(ahead.PolicyNow) > 9 * year,
    "the clock was moved, and policies' time was not",
  );
  await machine.setClock(-10 * year);
  await allStay("ten years back");
  kept.push(await machine.client.uploadArchive(vault, Buffer.from("made in the past"), ""));
  await machine.setClock(year);
  await allStay("forward again, a year");
  await machine.setClock(0);
  await allStay("right again");
  assert.match(await machine.stop(), /"level":40.*The clock says 203\d-.*implausibly far ahead/);

  await machine.setClock(10 * year);
  await machine.start();
  await allStay("ten years forward over a restart");
  assert.match(await machine.stop(), /The clock says 203\d-/);
  await machine.setClock(-10 * year);
  await machine.start();
  await allStay("ten years back over a restart");
  kept.push(await machine.client.uploadArchive(vault, Buffer.from("made in the past, too"), ""));
  await machine.stop();
  await machine.setClock(0);
  await machine.start();
  const { Now, PolicyNow } = await allStay("right again over a restart");
  assert.ok(Math.abs(Date.parse(PolicyNow) - Date.parse(Now)) < 1000, "policies' time is the clock's again");
  await machine.stop();

  await machine.setClock(2 * year);
  await machine.start("--trust-clock");
  for (const archiveId of kept) {
    await machine.client.deleteArchive(vault, archiveId);
  }
  assert.match(await machine.stop(), /"level":40.*--trust-clock: the time of policies follows the clock/);
});

test("a clock set back by an hour delays no job for long, and trusted time continues", async () => {
  await using folder = await temporaryFolder();
  await using machine = new Machine(folder.path);
  await machine.setClock(0);
  await machine.start("--inventory-delay", "2");
  const { client } = machine;
  await client.createVault(vault);
  const jobId = await client.initiateJob(vault, { Type: "inventory-retrieval" });
  await machine.setClock(-60 * 60 * 1000);
  const policyNow = async () => Date.parse(((await client.admin("GET", "/clock")) as { PolicyNow: string }).PolicyNow);
  const before = await policyNow();
  await client.jobSucceeded(vault, jobId);
  assert.ok((await policyNow()) > before, "trusted time stands still");
  await machine.stop();
});

test("a clock set 26 hours ahead expires no open upload", async () => {
  await using folder = await temporaryFolder();
  await using machine = new Machine(folder.path);
  await machine.setClock(0);
  await machine.start();
  const { client } = machine;
  await client.createVault(vault);
  const path = `/-/vaults/${vault}/multipart-uploads`;
  await client.demand({ method: "POST", path, headers: { "x-amz-part-size": "1048576" } });
  await machine.setClock(26 * 60 * 60 * 1000);
  // Upkeep notices within 5 s that the clock was set ahead.
  await sleep(7000);
  const { body } = await client.demand({ method: "GET", path });
  assert.equal(JSON.parse(body.toString()).UploadsList.length, 1);
  await machine.stop();
});

test("restarts with the clock moved by 6.9 days each do not age what a lock protects", async () => {
  await using folder = await temporaryFolder();
  await using machine = new Machine(folder.path);
  await machine.setClock(0);
  await machine.start();
  const archiveId = await lockedArchive(machine, 30);
  const began = Date.now();
  for (let restart = 1; restart <= 5; restart += 1) {
    await machine.stop();
    await machine.setClock(restart * 6.9 * day);
    await machine.start();
  }
  await assert.rejects(machine.client.deleteArchive(vault, archiveId), isDenied);
  const { PolicyNow } = (await machine.client.admin("GET", "/clock")) as { PolicyNow: string };
  assert.ok(Date.parse(PolicyNow) < began + day, PolicyNow);
  assert.match(await machine.stop(), /implausibly far ahead/);
});

const isDenied = (error: unknown) =>
  error instanceof RefusedError &&
  error.status === 403 &&
  /explicit deny in a resource-based policy$/.test(error.message);

async function lockedArchive({ client }: Machine, days = 365): Promise<string> {
  await client.createVault(vault);
  const path = `/-/vaults/${vault}/lock-policy`;
  const body = Buffer.from(JSON.stringify({ Policy: policy(days) }));
  const { headers } = await client.demand({ method: "POST", path, body });
  await client.demand({ method: "POST", path: `${path}/${headers["x-amz-lock-id"]}` });
  return client.uploadArchive(vault, Buffer.from("kept for a year"), "");
}
