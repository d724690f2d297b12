import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { findJsonFault } from "./json-fault.ts";

/**
 * The text of a policy, from a file or `-`, exactly as it stands there. Throws UsageError for what is no JSON object; what a policy may
 * say is the service's to judge.
 */
export async function readPolicy(readText: CommandContext["readText"], file: string): Promise<string> {
  const text = await readText(file);
  const name = file === "-" ? "standard input" : file;
  const fault = findJsonFault(text);
  if (fault !== null) {
    throw new UsageError(`${name}:${fault.line}:${fault.column}: ${fault.reason}`);
  }
  if (!text.trimStart().startsWith("{")) {
    throw new UsageError(`${name}:1:1: a policy is a JSON object`);
  }
  return text;
}
