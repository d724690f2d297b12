import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { cleanEnvironment, type Ending, endingOf, repositoryRoot, serverProgram, within } from "../server-process.ts";
import { connectDirectly } from "./postgres-store.ts";
import type { S3Place } from "./s3-place.ts";

// `moraine verify` of services with a bucket, as operators run it.

type Line = Readonly<Record<string, unknown>>;

export interface Verified {
  readonly code: number | null;
  readonly findings: readonly Line[];
  readonly summary: Line;
}

export function runVerify(args: readonly string[], { environment }: Pick<S3Place, "environment">): Promise<Ending> {
  const child = spawn(process.execPath, ["--conditions=@moraine/source", serverProgram("verify"), ...args], {
    env: {
      ...cleanEnvironment(),
      ...environment,
      NODE_COMPILE_CACHE: join(repositoryRoot, "node_modules/.cache/moraine"),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return within(120_000, endingOf(child), `verify ${args.join(" ")}`);
}

/** A run that could check. */
export async function verified(args: readonly string[], place: Pick<S3Place, "environment">): Promise<Verified> {
  const { code, stdout, stderr } = await runVerify([...args, "--json"], place);
  assert.equal(stderr, "");
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return { code, findings: lines.slice(0, -1), summary: lines.at(-1) ?? {} };
}

/** Each finding as its code and the thing that it concerns. */
export const namesOf = ({ findings }: Pick<Verified, "findings">): string[] =>
  findings.map(({ code, archive, upload, job, vault }) => `${code} ${archive ?? upload ?? job ?? vault ?? "-"}`).sort();

export interface RowEdit {
  readonly table: string;
  /** The columns of its key. */
  readonly key: string;
  readonly where: string;
  /** `set …` of an update; null deletes the rows. */
  readonly set: string | null;
}

/** Changes rows past the service while `during` runs, and puts them back. */
export async function withEdit<Result>(
  databaseUrl: string,
  { table, key, where, set }: RowEdit,
  during: () => Promise<Result>,
): Promise<Result> {
  await using database = await connectDirectly(databaseUrl);
  await database.query(`create table saved as select * from ${table} where ${where}`);
  const { rowCount } = await database.query(
    set === null ? `delete from ${table} where ${where}` : `update ${table} ${set} where ${where}`,
  );
  assert.ok((rowCount ?? 0) > 0, `${table}: ${where}`);
  try {
    return await during();
  } finally {
    await database.query(`delete from ${table} where (${key}) in (select ${key} from saved)`);
    await database.query(`insert into ${table} select * from saved`);
    await database.query("drop table saved");
  }
}
