import type { Agent, AgentOptions } from "node:http";
import type { Agent as SecureAgent, AgentOptions as SecureAgentOptions } from "node:https";
import { http, https } from "./built-in.ts";
import { keepFreedMemory } from "./release.ts";
import { WideAgent } from "./wide-agent.ts";

/** The agents of a client, which keep connections for later requests. */
export interface Agents {
  readonly httpAgent: Agent;
  readonly httpsAgent: SecureAgent;
}

/**
 * Creates agents that use the proxies of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as AWS's tools do. Node does so from release 24.5 on.
 *
 * @param environment names the proxies. @default the proxies that Node was started with
 * @param ca certificates (PEM) to trust instead of Node's.
 */
export function createAgents(environment?: NodeJS.ProcessEnv, ca?: string): Agents {
  keepFreedMemory();
  const { proxyEnv } = (http.globalAgent as Agent & { readonly options?: AgentOptions }).options ?? {};
  const options: AgentOptions = {
    keepAlive: true,
    scheduling: "lifo",
    timeout: 5000,
    proxyEnv: environment ?? proxyEnv,
  };
  const secure: SecureAgentOptions = ca === undefined ? options : { ...options, ca };
  return { httpAgent: new WideAgent(options), httpsAgent: new https.Agent(secure) };
}
