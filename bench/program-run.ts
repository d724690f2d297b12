import { fileURLToPath } from "node:url";
import { runTool } from "../test/support/run-tool.ts";
import type { ProgramRun } from "./race.ts";

const here = (name: string) => fileURLToPath(import.meta.resolve(name));

export const python = "/usr/bin/python3";
/** As `npm run moraine` starts it. */
export const moraine = [
  "env",
  "NODE_COMPILE_CACHE=node_modules/.cache/moraine",
  process.execPath,
  "--conditions=@moraine/source",
  here("../packages/cli/src/main.ts"),
];

/** Runs a program against a service, from its start to its end. */
export async function programRun(url: string, command: readonly string[], amount: number): Promise<ProgramRun> {
  const { code, stdout, stderr } = await runTool({ url }, python, [here("./run-program.py"), ...command]);
  if (code !== 0) {
    throw new Error(`${command.join(" ")}: ${stderr}`);
  }
  return { ...(JSON.parse(stdout) as Omit<ProgramRun, "amount">), amount };
}
