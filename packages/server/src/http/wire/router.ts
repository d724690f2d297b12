import { errors, type Operation, type OperationName, operations } from "@moraine/protocol";
import { decodeSegments, matches, members, segmentsOf } from "./path-pattern.ts";
import type { WireRequest } from "./wire-request.ts";

export interface Route {
  readonly name: OperationName;
  readonly operation: Operation;
  /** Fields of the path, decoded once: `accountId`, `vaultName`, and the id of what lies below. */
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
  segments: segmentsOf(operation.path),
}));

/** Finds the operation that a request names; throws BadRequest when there is none (docs/wire.md#paths-and-accounts). */
export function routeOf(request: WireRequest): Route {
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
