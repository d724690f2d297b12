import { type AccountId, errors, type Operation, type OperationName } from "@moraine/protocol";
import type { Input } from "../../operations/context.ts";
import { parseJsonObject } from "../body/json-body.ts";
import { type JsonOperationName, jsonInputs } from "../body/json-inputs.ts";
import type { Route } from "./router.ts";
import type { WireRequest } from "./wire-request.ts";

/**
 * Path, headers, query and JSON body → typed input, as the operations table binds them. What may be absent or wrong in
 * meaning is for the operation to say; what cannot be read at all is refused here.
 */
export function decode<Name extends OperationName>(
  { name, operation, path }: Route,
  request: WireRequest,
  accountId: AccountId,
  json: Uint8Array,
): Input<Name> {
  const input: Record<string, unknown> = { ...path, accountId };
  for (const [member, header] of Object.entries(operation.headers ?? {})) {
    input[member] = request.header(header.toLowerCase());
  }
  for (const [member, parameter] of Object.entries(operation.query ?? {})) {
    const [value] = request.parameters(parameter);
    input[member] = member === "limit" ? decodeLimit(value) : value;
  }
  const body = operation.request === "json" ? decodeJson(name as JsonOperationName, json) : undefined;
  return withBody(operation, input, body) as unknown as Input<Name>;
}

/** The fields of the body become the input's own, or the body one field of it, as the row says. */
function withBody({ requestPayload }: Operation, input: Record<string, unknown>, body: object | undefined): object {
  return requestPayload === undefined ? { ...input, ...body } : { ...input, [requestPayload]: body };
}

/** A body that is not there has no fields: what is missing in it is for the operation to say. */
function decodeJson(name: JsonOperationName, json: Uint8Array): object | undefined {
  if (json.length === 0) {
    return undefined;
  }
  const result = jsonInputs[name].safeParse(parseJsonObject(json));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw errors.serialization(
      `The request body is not of the right shape: ${issue?.path.join(".")}: ${issue?.message}`,
    );
  }
  return result.data;
}

/** An empty limit counts as absent: botocore sends it for an empty string (docs/wire.md#pages-of-lists). */
function decodeLimit(value: string | undefined): number | undefined {
  if (value === undefined || value === "") {
    return undefined;
  }
  const limit = /^[0-9]+$/.test(value) ? Number(value) : 0;
  if (limit < 1) {
    throw errors.invalidLimit(value);
  }
  return limit;
}

/**
 * The archive that a request is about, for whoever judges it before it is read in earnest; undefined when it names none, or
 * cannot be read, which is refused then.
 */
export function requestedArchive({ name, path }: Route, json: Uint8Array): string | undefined {
  if (name !== "InitiateJob") {
    return path["archiveId"];
  }
  try {
    return jsonInputs.InitiateJob.safeParse(parseJsonObject(json)).data?.ArchiveId;
  } catch {
    return undefined;
  }
}
