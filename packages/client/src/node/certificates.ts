import { readFile } from "node:fs/promises";
import { type Agents, createAgents } from "./agents.ts";
import { defaultAgents } from "./node-http.ts";
import type { Settings } from "./settings.ts";

const agentsByFile = new Map<string, Agents>();

/**
 * Returns agents that trust the certificates of the caller's file, else of the environment's, else of the profile's. Without a file they
 * trust Node's own.
 */
export async function agentsFor(
  environment: NodeJS.ProcessEnv,
  endpoint: string | URL | undefined,
  given: string | undefined,
  settings: Pick<Settings, "caBundle">,
): Promise<Agents> {
  const isPlain = endpoint !== undefined && String(endpoint).startsWith("http:");
  const file = given ?? (isPlain ? undefined : await settings.caBundle());
  if (file === undefined) {
    return defaultAgents(environment);
  }
  const agents = agentsByFile.get(file) ?? createAgents(environment, await readCertificates(file));
  agentsByFile.set(file, agents);
  return agents;
}

async function readCertificates(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: Error) => {
    throw new TypeError(`Cannot read the file of certificates ${JSON.stringify(file)}: ${cause.message}`, { cause });
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new TypeError(`The file ${JSON.stringify(file)} has no certificates: expected PEM`);
  }
  return text;
}
