import { errors, type Operation, type OperationName, operations } from "@moraine/protocol";
import type { WireRequest } from "./wire-request.ts";

export interface Route {
  readonly name: OperationName;
  readonly operation: Operation;
  /** Members of the path, decoded once: `accountId`, `vaultName`, and the id of what lies below. */
  readonly path: Readonly<Record<string, string>>;
}

interface Row {
  readonly name: OperationName;
  readonly operation: Operation;
  readonly segments: readonly string[];
}

const rows: readonly Row[] = Object.entries(operations).map(([name, operation]) => ({
  name: name as OperationName,
  operation,
  segments: operation.path.split("/").slice(1),
}));

/** Finds the operation that a request names; throws BadRequest when there is none (contract 2.1). */
export function route(request: WireRequest): Route {
  const segments = decodeSegments(request.path);
  const onPath = rows.filter((row) => row.operation.method === request.method && matches(row.segments, segments));
  const row = onPath.length > 1 || onPath[0]?.operation.selector ? select(onPath, request) : onPath[0];
  if (row === undefined) {
    throw errors.badRequest(`No operation has this method and path: ${request.method} ${request.path}`);
  }
  return { name: row.name, operation: row.operation, path: members(row.segments, segments) };
}

/** AddTagsToVault and RemoveTagsFromVault share a path; a query parameter tells them apart. */
function select(candidates: readonly Row[], request: WireRequest): Row {
  const row = candidates.find(({ operation }) =>
    Object.entries(operation.selector ?? {}).every(([name, value]) => request.parameters(name)[0] === value),
  );
  if (row === undefined) {
    throw errors.invalidParameter(`Invalid operation: ${request.parameters("operation")[0]}`);
  }
  return row;
}

const isMember = (segment: string) => segment.startsWith("{");

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((expected, index) => (isMember(expected) ? segments[index] !== "" : expected === segments[index]))
  );
}

function members(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  pattern.forEach((expected, index) => {
    if (isMember(expected)) {
      found[expected.slice(1, -1)] = segments[index] ?? "";
    }
  });
  return found;
}

/** Each segment is decoded exactly once, after the split: what is authorized is what is used. */
function decodeSegments(path: string): string[] {
  return path
    .slice(1)
    .split("/")
    .map((segment) => {
      const decoded = decodeSegment(segment);
      if (decoded === "." || decoded === ".." || decoded.includes("\0")) {
        throw errors.badRequest(`The path has a segment that names nothing: ${path}`);
      }
      return decoded;
    });
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw errors.badRequest(`The path is not percent-encoded UTF-8: ${segment}`);
  }
}
