import { limits } from "@moraine/protocol";
import { JsonError, parseStrictJson } from "../strict-json.ts";
import { assertMembers, listOf, textOf } from "./documents.ts";
import type { Policy, Statement } from "./model.ts";
import { PolicyError } from "./policy-error.ts";
import { parseStatement } from "./statements.ts";

export type { Policy } from "./model.ts";
export { PolicyError } from "./policy-error.ts";

/** The policy of a user. Throws PolicyError for a document that is not fully understood. */
export function parseIdentityPolicy(text: string): Policy {
  return parsePolicy(text, null);
}

/** Parses a vault access policy or a vault lock policy (docs/wire.md#policies). Throws PolicyError as above. */
export function parseVaultPolicy(text: string, vaultArn: string): Policy {
  return parsePolicy(text, vaultArn);
}

function parsePolicy(text: string, vaultArn: string | null): Policy {
  const document = parseDocument(text);
  assertMembers(document, ["Version", "Id", "Statement"], "the policy");
  if (Object.hasOwn(document, "Id")) {
    textOf(document["Id"], "Id");
  }
  const conditionKeys = new Set<string>();
  const scope = { hasVariables: parseVersion(document) === "2012-10-17", conditionKeys, vaultArn };
  const statements = listOf(document["Statement"], "Statement").map((statement) => parseStatement(statement, scope));
  assertSidsDiffer(statements);
  return { statements, conditionKeys };
}

function parseDocument(text: string): Record<string, unknown> {
  if (new TextEncoder().encode(text).length > limits.policySizeBytesMax) {
    throw new PolicyError(`the policy is longer than ${limits.policySizeBytesMax} bytes`);
  }
  if (!text.isWellFormed()) {
    // Half a surrogate pair does not survive UTF-8: another document would be kept than was judged.
    throw new PolicyError("the policy has half a surrogate pair");
  }
  try {
    return parseStrictJson(text);
  } catch (error) {
    throw error instanceof JsonError ? new PolicyError(`the policy ${error.message}`, { cause: error }) : error;
  }
}

/** IAM reads a document without Version by the older rules. */
function parseVersion(document: Record<string, unknown>): string {
  const version = Object.hasOwn(document, "Version") ? document["Version"] : "2008-10-17";
  if (version !== "2012-10-17" && version !== "2008-10-17") {
    throw new PolicyError("Version must be 2012-10-17 or 2008-10-17");
  }
  return version;
}

function assertSidsDiffer(statements: readonly Statement[]): void {
  const sids = statements.map(({ sid }) => sid).filter((sid) => sid !== null && sid !== "");
  if (new Set(sids).size < sids.length) {
    throw new PolicyError("two statements have the same Sid");
  }
}
