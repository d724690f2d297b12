import type { OperationNameWith, OperationShapes, VaultInput } from "@moraine/protocol";
import { z } from "zod";

export type JsonOperationName = OperationNameWith<"request", "json">;

/**
 * The input that a JSON body fills: one field, which begins with a lower-case letter, or the input's own fields, which begin with a
 * capital.
 */
type JsonMembers<Name extends JsonOperationName> = BodyOf<Omit<OperationShapes[Name]["input"], keyof VaultInput>>;
type BodyOf<Input> = keyof Input extends Uncapitalize<string & keyof Input> ? NonNullable<Input[keyof Input]> : Input;

/** Clients send null for what they leave out. */
const optional = <Type extends z.ZodType>(type: Type) => type.nullish().transform((value) => value ?? undefined);
const text = optional(z.string());
const number = z.union([z.number(), z.bigint()]);
const texts = optional(z.array(z.string()));

const jobParameters = z.object({
  Type: text,
  ArchiveId: text,
  Description: text,
  SNSTopic: text,
  Tier: text,
  RetrievalByteRange: text,
  Format: text,
  InventoryRetrievalParameters: optional(
    z.object({
      StartDate: text,
      EndDate: text,
      Limit: optional(z.union([z.string(), number]).transform(String)),
      Marker: text,
    }),
  ),
});

const policyDocument = z.object({ Policy: text });

/**
 * The types of the fields; a wrong one is a SerializationException, and unknown fields are ignored. What the values
 * must be is for the operations to say.
 */
export const jsonInputs: { readonly [Name in JsonOperationName]: z.ZodType<Optional<JsonMembers<Name>>> } = {
  // One page of AWS's guide wraps the parameters; a client that follows it is understood too (docs/wire.md#jobs).
  InitiateJob: z.preprocess(unwrapped, jobParameters),
  AddTagsToVault: z.object({ Tags: optional(z.record(z.string(), z.string())) }),
  RemoveTagsFromVault: z.object({ TagKeys: texts }),
  SetVaultNotifications: z.object({ SNSTopic: text, Events: texts }),
  SetVaultAccessPolicy: policyDocument,
  InitiateVaultLock: policyDocument,
  SetDataRetrievalPolicy: z.object({
    Policy: optional(
      z.object({
        Rules: optional(z.array(z.object({ Strategy: text, BytesPerHour: optional(number) }))),
      }),
    ),
  }),
};

/** Absent fields come out as undefined, which stands for the same. */
type Optional<Value> = Value extends readonly (infer Item)[]
  ? readonly Optional<Item>[]
  : Value extends object
    ? { readonly [Member in keyof Value]: Optional<Value[Member]> | undefined }
    : Value;

function unwrapped(value: unknown): unknown {
  const object = value as Readonly<Record<string, unknown>>;
  return Object.keys(object).length === 1 ? (object["jobParameters"] ?? object) : object;
}
