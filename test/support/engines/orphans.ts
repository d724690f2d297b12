import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cleanEnvironment, type Ending, endingOf, serverProgram, within } from "../server-process.ts";

/** Runs `moraine verify --orphans` or `moraine repair --orphans`. */
export function runOrphans(
  name: "verify" | "repair",
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Ending> {
  const program = serverProgram(name);
  const child = spawn(process.execPath, ["--conditions=@moraine/source", program, "--orphans", ...args, "--json"], {
    env: { ...cleanEnvironment(), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return within(120_000, endingOf(child), `${name} --orphans`);
}

export type Line = Readonly<Record<string, unknown>>;

/** Runs a command, and returns its exit code, the things that it names and its summary. */
export async function orphanLines(
  ...call: Parameters<typeof runOrphans>
): Promise<{ code: number | null; named: Line[]; summary: Line }> {
  const { code, stdout, stderr } = await runOrphans(...call);
  assert.equal(stderr, "");
  const all = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return { code, named: all.slice(0, -1), summary: all.at(-1) ?? {} };
}
