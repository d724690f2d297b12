import { type AccountId, errors, type JobParameters } from "@moraine/protocol";
import { z } from "zod";
import type { Input, ServedName } from "../operations/context.ts";
import { parseJsonObject } from "./json-body.ts";
import type { Route } from "./router.ts";
import type { WireRequest } from "./wire-request.ts";

/**
 * Path, headers, query and JSON body → typed input, as the operations table binds them. What may be absent or wrong in
 * meaning is for the operation to say; what cannot be read at all is refused here.
 */
export function decode<Name extends ServedName>(
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
  if (name === "InitiateJob") {
    input["jobParameters"] = decodeJobParameters(json);
  }
  return input as unknown as Input<Name>;
}

/** An empty limit is as good as none; so botocore sends it (contract 2.8). */
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

/** Clients send null for what they leave out. Unknown members are ignored. */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const jobParameters = z.object({
  Type: text,
  ArchiveId: text,
  Description: text,
  SNSTopic: text,
  Tier: text,
  RetrievalByteRange: text,
  Format: text,
  InventoryRetrievalParameters: z
    .object({
      StartDate: text,
      EndDate: text,
      Limit: z
        .union([z.string(), z.number()])
        .nullish()
        .transform((value) => value?.toString()),
      Marker: text,
    })
    .nullish()
    .transform((value) => value ?? undefined),
});

function decodeJobParameters(json: Uint8Array): JobParameters | undefined {
  if (json.length === 0) {
    return undefined;
  }
  const object = parseJsonObject(json);
  const wrapped = Object.keys(object).length === 1 ? object["jobParameters"] : undefined;
  // One page of AWS's guide wraps the parameters; whoever believed it is understood too (contract 23).
  const result = jobParameters.safeParse(wrapped ?? object);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw errors.serialization(
      `The request body is not of the right shape: ${issue?.path.join(".")}: ${issue?.message}`,
    );
  }
  return result.data as JobParameters;
}
