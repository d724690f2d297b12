import { type AdminBodyName, type AdminOperationName, type AdminShapes, errors, parseQuery } from "@moraine/protocol";
import { z } from "zod";
import { parseJsonObject } from "../body/json-body.ts";
import type { AdminRoute } from "./admin-router.ts";
import type { WireRequest } from "./wire-request.ts";

/** The values of path and query. The same values are authorized and used. */
export type AdminMembers = Readonly<Record<string, string | number>>;

/** This API is our own, so nothing that it does not know passes: throws InvalidParameterValueException. */
export function decodeAdminMembers({ operation, path }: AdminRoute, { query }: WireRequest): AdminMembers {
  const members: Record<string, string | number> = { ...path };
  for (const [name, value] of parseQuery(query)) {
    if (operation.query?.includes(name) !== true || Object.hasOwn(members, name)) {
      throw errors.invalidParameter(`Unknown or repeated query parameter: ${name}`);
    }
    members[name] = name === "limit" ? decodeLimit(value) : value;
  }
  return members;
}

function decodeLimit(value: string): number {
  const limit = /^[0-9]{1,9}$/.test(value) ? Number(value) : 0;
  if (limit < 1) {
    throw errors.invalidLimit(value);
  }
  return limit;
}

/** Throws Missing- or InvalidParameterValueException, or SerializationException for a wrong type. */
export function decodeAdminBody(name: AdminOperationName, json: Uint8Array): object {
  const object = json.length === 0 ? {} : parseJsonObject(json);
  const result = (bodies[name as AdminBodyName] ?? nothing).safeParse(object);
  if (result.success) {
    return result.data;
  }
  const [issue] = result.error.issues;
  if (issue?.code === "unrecognized_keys") {
    throw errors.invalidParameter(`Unknown field: ${issue.keys[0]}`);
  }
  const member = String(issue?.path[0]);
  throw Object.hasOwn(object, member)
    ? errors.serialization(`The request body is not of the right shape: ${member}: ${issue?.message}`)
    : errors.missingParameter(member);
}

/** Null is as good as absent. */
const optional = <Type extends z.ZodType>(type: Type) => type.nullish().transform((value) => value ?? undefined);
const nothing = z.strictObject({});

/** The fields of each body; which values they may have is for the operations to say. */
const bodies: { readonly [Name in AdminBodyName]: z.ZodType<Omit<AdminShapes[Name]["input"], PathAndQuery>> } = {
  CreateAccount: z.strictObject({ AccountId: optional(z.string()) }),
  UpdateAccessKey: z.strictObject({
    Status: z.string() as z.ZodType<AdminShapes["UpdateAccessKey"]["input"]["Status"]>,
  }),
  CreateSession: z.strictObject({ DurationSeconds: optional(z.number()) }),
  PutUserPolicy: z.strictObject({ Policy: z.string() }),
  SimulatePolicy: z.strictObject({
    UserName: optional(z.string()),
    Action: z.string(),
    VaultName: optional(z.string()),
    Resource: optional(z.string()),
    Context: optional(z.record(z.string(), z.array(z.string()))),
  }),
  AdvanceClock: z.strictObject({ Seconds: optional(z.number()), To: optional(z.string()) }),
  PutFault: z.strictObject({
    Mode: z.string(),
    Operation: optional(z.string()),
    AccountId: optional(z.string()),
    Rate: optional(z.number()),
    Count: optional(z.number()),
    Bytes: optional(z.number()),
    BytesPerSecond: optional(z.number()),
    Milliseconds: optional(z.number()),
  }),
};

type PathAndQuery = "accountId" | "userName" | "accessKeyId" | "policyName" | "faultId";
