import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { backUp, backupFindings, restored } from "../../support/backups/programs.ts";
import { HistoryCaller } from "../../support/history/caller.ts";
import type { Entry, History, Outcome } from "../../support/history/calls.ts";
import { type Span, spansOf } from "../../support/history/operations.ts";
import { endingOf, serverProgram, spawnServer, startCommand } from "../../support/server-process.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { examine } from "../examine.ts";
import type { Examination, Place, Surroundings } from "./surroundings.ts";

/**
 * A folder of backups on the server's disk. What a backup holds that was acknowledged must be there when it is restored, and an
 * interrupted one leaves the others whole.
 */
export async function withBackups({ disk, environment }: Place): Promise<Surroundings> {
  await mkdir(join(disk, "backups"), { mode: 0o700 });
  const args = startCommand.args.map((word) => (word === serverProgram("main") ? serverProgram("backup") : word));
  const program = { ...startCommand, args };
  const run = async (): Promise<Outcome> => {
    const words = [join(disk, "backups"), "--data", join(disk, "data"), "--json"];
    const { code, stderr } = await endingOf(spawnServer(words, { command: program, environment }));
    return code === 0 ? { kind: "ok", answer: {} } : { kind: "unknown", reason: `exit code ${code}: ${stderr}` };
  };
  return {
    perform: ({ op }) => (op === "BackUp" ? run() : null),
    recover: async (left) => ({ afterwards: (history) => examineBackups(left.disk, history) }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function examineBackups(disk: string, history: History): Promise<Examination> {
  const [data, target] = [join(disk, "data"), join(disk, "backups")];
  const published = await readdir(join(target, "backups")).catch(() => []);
  const runs = spansOf(history).filter(({ call }) => call.op === "BackUp");
  const acknowledged = runs.filter(({ ended }) => ended?.outcome.kind === "ok");
  if (published.length < acknowledged.length) {
    return { violations: [], findings: ["a backup that was acknowledged is lost"] };
  }
  const last = runs[published.length - 1];
  const found = last === undefined ? nothing : await examineRestored(target, data, historyIn(history, last));
  const next = await backUp({ dataFolder: data, target });
  const missing = next.missing.map(({ file, reason }) => `the next backup lacks ${file}: ${reason}`);
  const findings = (await backupFindings(target, "deep")).map((finding) => `backup: ${JSON.stringify(finding)}`);
  return { violations: found.violations, findings: [...found.findings, ...missing, ...findings] };
}

const nothing: Examination = { violations: [], findings: [] };

async function examineRestored(target: string, data: string, history: History): Promise<Examination> {
  const damages = (await backupFindings(target, "deep")).map((finding) => `backup: ${JSON.stringify(finding)}`);
  if (damages.length > 0) {
    return { violations: [], findings: damages };
  }
  await using place = await temporaryFolder();
  const dataFolder = join(place.path, "data");
  await restored({ source: target, dataFolder, keyFile: join(data, "secrets.key") });
  const caller = new HistoryCaller("http://unused", "");
  const { violations, findings } = await examine(caller, history, dataFolder);
  caller.close();
  return { violations, findings: findings.map((text) => `restored: ${text}`) };
}

/** The calls that a backup can hold. One that was made while it ran may be in it. */
function historyIn(history: History, { begin, ended }: Span): History {
  const end = ended?.at ?? Number.POSITIVE_INFINITY;
  const known = history.filter((entry, at) => at < begin || (at < end && "begin" in entry));
  return [...known, { event: "restart" } satisfies Entry];
}
