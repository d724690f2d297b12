import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { OperationName } from "@moraine/protocol";
import { allOperations, CalledOperations, contentOperations } from "../support/called-operations.ts";
import { runTool, type ToolOptions } from "../support/run-tool.ts";
import { type Ending, type ServerProcess, startServer } from "../support/server-process.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// Shared by the tests of foreign clients. A client that a machine lacks is skipped by name, and its test says what to install.

/** Whether a machine has a client. `missing` suits `skip`: it is false, or the reason. */
export interface Presence {
  readonly version: string;
  readonly missing: string | false;
}

/** Looks for Debian's packages. The version is that of the last one. */
export async function debianPackages(...names: readonly string[]): Promise<Presence> {
  const versions = await Promise.all(names.map(installedVersion));
  const absent = names.filter((_, index) => versions[index] === null);
  return {
    version: versions.at(-1) ?? "",
    missing: absent.length > 0 && `not installed: Debian's ${absent.join(", ")}`,
  };
}

async function installedVersion(name: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)("dpkg-query", ["--status", name]);
    return /^Status: install ok installed$/m.test(stdout) ? (/^Version: (.*)$/m.exec(stdout)?.[1] ?? null) : null;
  } catch {
    return null;
  }
}

/** Looks for a package in the folder of a script that uses it. */
export async function npmPackage(folder: string, name: string): Promise<Presence> {
  const file = labFile(`${folder}/node_modules/${name}/package.json`);
  try {
    return { version: (JSON.parse(await readFile(file, "utf8")) as { version: string }).version, missing: false };
  } catch {
    return { version: "", missing: `not installed: ${name}; run npm ci --prefix test/clients/${folder}` };
  }
}

export const labFile = (name: string): string => fileURLToPath(new URL(`./${name}`, import.meta.url));

/** Runs a body with a server of its own. */
export async function withServer<Result>(
  body: (server: ServerProcess, folder: string) => Promise<Result>,
  flags: readonly string[] = [],
): Promise<Result> {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: `${folder.path}/data`, flags });
  return await body(server, folder.path);
}

/** Runs a program that must succeed. */
export async function succeed(
  server: Pick<ServerProcess, "url">,
  command: string,
  args: readonly string[],
  options: ToolOptions = {},
): Promise<Ending> {
  const ending = await runTool(server, command, args, options);
  // A client may put a whole body into its message.
  assert.equal(ending.code, 0, `${command} ended with ${ending.code}: ${ending.stderr.slice(0, 4000)}`);
  return ending;
}

/** Operations of a client of 2012: uploads, jobs, vaults and their notifications. */
export const operationsOf2012: readonly OperationName[] = [
  ...contentOperations,
  "SetVaultNotifications",
  "GetVaultNotifications",
  "DeleteVaultNotifications",
];

/** Asserts that a script printed every operation expected of it. Returns a line for the report. */
export function assertCalled(printed: string, expected: readonly OperationName[] = allOperations): string {
  const lines = new Set(printed.trim().split("\n"));
  const called = new CalledOperations();
  for (const line of lines) {
    called.add(line);
  }
  called.assertAll(expected);
  const others = [...lines].filter((line) => !(allOperations as readonly string[]).includes(line));
  const leftOut = allOperations.filter((name) => !lines.has(name));
  return (
    `${allOperations.length - leftOut.length} of ${allOperations.length} operations; also: ${others.join(", ") || "–"}; ` +
    `not in this client: ${leftOut.join(", ") || "–"}`
  );
}
