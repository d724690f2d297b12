import { type AdminOperation, type AdminOperationName, adminOperations, errors } from "@moraine/protocol";
import { decodeSegments, matches, members, segmentsOf } from "./path-pattern.ts";
import type { WireRequest } from "./wire-request.ts";

export interface AdminRoute {
  readonly name: AdminOperationName;
  readonly operation: AdminOperation;
  /** Fields of the path, decoded once. */
  readonly path: Readonly<Record<string, string>>;
}

const rows = Object.entries(adminOperations).map(([name, operation]) => ({
  name: name as AdminOperationName,
  operation,
  segments: segmentsOf(operation.path),
}));

/** Finds the operation that a request names; throws BadRequest when there is none. */
export function adminRouteOf({ method, path }: WireRequest): AdminRoute {
  const segments = decodeSegments(path);
  const row = rows.find(
    ({ operation, segments: pattern }) => operation.method === method && matches(pattern, segments),
  );
  if (row === undefined) {
    throw errors.badRequest(`No operation of the admin API has this method and path: ${method} ${path}`);
  }
  return { name: row.name, operation: row.operation, path: members(row.segments, segments) };
}
