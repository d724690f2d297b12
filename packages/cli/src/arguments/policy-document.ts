import type { CommandContext } from "../context/tools.ts";
import { UsageError } from "../exit-codes.ts";
import { findJsonFault } from "./json-fault.ts";

/**
 * Reads a policy from a file or `-`, unchanged. Throws UsageError unless it is a JSON object. The service checks the rest.
 */
export async function readPolicy(readText: CommandContext["readText"], file: string): Promise<string> {
  const text = await readText(file);
  const name = file === "-" ? "standard input" : file;
  const fault = findJsonFault(text);
  if (fault !== null) {
    throw new UsageError(`${name}:${fault.line}:${fault.column}: ${fault.reason}`);
  }
  if (!text.trimStart().startsWith("{")) {
    throw new UsageError(`${name}:1:1: expected a JSON object`);
  }
  return text;
}
