import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { moraineCommand } from "../support/command.ts";
import { RecordingEndpoints } from "../support/recording-endpoints.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type Chosen, environmentsOf, type Tool } from "./chosen-settings.ts";

// Debian's boto3 and aws-cli, others of this machine where Python finds any, and this command: in each environment they must use the same
// credentials and the same endpoint, except for differences with a reason.

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let endpoints: RecordingEndpoints;
let environments: readonly Chosen[];
before(async () => {
  folder = await temporaryFolder();
  endpoints = await RecordingEndpoints.start(folder.path);
  environments = await environmentsOf(folder.path, endpoints);
});
after(async () => {
  await endpoints[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Outcomes {
  readonly version: string;
  /** By environment: what was asked for, or `error`. */
  readonly chosen: readonly string[];
  readonly messages: readonly string[];
}

async function run(file: string, args: readonly string[], environment: NodeJS.ProcessEnv, input = ""): Promise<Ended> {
  const child = spawn(file, args, { env: environment, stdio: "pipe", cwd: folder.path });
  child.stdin.end(input);
  const ended = Promise.withResolvers<number | null>();
  child.on("close", ended.resolve);
  child.on("error", ended.reject);
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended.promise]);
  return { stdout, stderr, code };
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

async function withPython(python: string, tool: Exclude<Tool, "moraine">): Promise<Outcomes> {
  const script = fileURLToPath(new URL("./chosen_settings.py", import.meta.url));
  const vaultOf = (index: number) => `${tool}-${python.replaceAll("/", "-")}-${index}`;
  const input = environments.map(({ variables, options }, index) => ({ variables, options, vault: vaultOf(index) }));
  const { stdout, stderr, code } = await run(python, ["-B", script, tool], process.env, JSON.stringify(input));
  assert.equal(code, 0, stderr);
  const { version, outcomes } = JSON.parse(stdout) as { version: string; outcomes: readonly (string | null)[] };
  return {
    version,
    chosen: environments.map((_, index) => endpoints.asked.get(vaultOf(index)) ?? "error"),
    messages: outcomes.map((message) => message ?? ""),
  };
}

async function withMoraine(): Promise<Outcomes> {
  const messages: string[] = [];
  const next = environments.entries();
  const [file = "", ...first] = moraineCommand;
  const work = async () => {
    for (const [index, { variables, options }] of next) {
      const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
      const args = [...first, "vault", "describe", `moraine-${index}`, "--retry-for", "0", ...given];
      const { code, stderr } = await run(file, args, variables);
      assert.notEqual(code, null, stderr);
      messages[index] = stderr;
    }
  };
  await Promise.all([work(), work(), work()]);
  const chosen = environments.map((_, index) => endpoints.asked.get(`moraine-${index}`) ?? "error");
  return { version: "", chosen, messages };
}

/** Debian's own, and what comes first on the path where that is another one. */
async function pythons(): Promise<string[]> {
  const { code } = await run("python3", ["-c", "import boto3, awscli"], process.env);
  return code === 0 ? ["/usr/bin/python3", "python3"] : ["/usr/bin/python3"];
}

/** Endpoints in variables and files came with botocore 1.31, and aws-cli 1.29 and 2.13. */
function knowsEndpoints(tool: Tool, version: string): boolean {
  if (tool === "moraine") {
    return true;
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return tool === "boto3" ? minor >= 31 : major === 1 ? minor >= 29 : minor >= 13;
}

function expectedOf({ expected, unlike, withoutEndpoints }: Chosen, tool: Tool, version: string): string {
  const different = unlike?.[tool === "aws-cli" && version.startsWith("1.") ? "aws-cli 1" : tool];
  const older = knowsEndpoints(tool, version) ? undefined : withoutEndpoints;
  return older ?? different?.chosen ?? expected;
}

function differences(tool: Tool, { version, chosen, messages }: Outcomes): string[] {
  return environments.flatMap((environment, index) => {
    const expected = expectedOf(environment, tool, version);
    const found = chosen[index];
    return found === expected
      ? []
      : [`${tool} ${version}, ${environment.name}: ${found}, not ${expected}\n${messages[index]}`];
  });
}

test("boto3, aws-cli and this command choose the same credentials and endpoint", async (t) => {
  await mkdir(join(folder.path, "home"));
  await writeFile(join(folder.path, "web-identity-token"), "token");
  assert.ok(environments.length >= 40, `${environments.length} environments`);
  const wrong = differences("moraine", await withMoraine());
  for (const python of await pythons()) {
    for (const tool of ["boto3", "aws-cli"] as const) {
      const outcomes = await withPython(python, tool);
      t.diagnostic(`${tool} ${outcomes.version}: ${environments.length} environments`);
      wrong.push(...differences(tool, outcomes));
    }
  }
  assert.deepEqual(wrong, []);
});
