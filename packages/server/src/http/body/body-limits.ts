import { type AdminBodyName, type AdminOperationName, limits, type OperationName, operations } from "@moraine/protocol";
import type { JsonOperationName } from "./json-inputs.ts";

const kibibyte = 1024;
/** JSON may write each byte of a document in six: `\u0041`. */
const policyBytesMax = 6 * limits.policySizeBytesMax + 2 * kibibyte;
/** 10 tags of 128 and 255 characters, each written in six bytes, are 23 KiB. */
const tagsBytesMax = 32 * kibibyte;
/** No operation without a body needs one, but some clients send an empty object. */
const nothingBytesMax = kibibyte;

const jsonBytesMax: Readonly<Record<JsonOperationName, number>> = {
  InitiateJob: 32 * kibibyte,
  AddTagsToVault: tagsBytesMax,
  RemoveTagsFromVault: tagsBytesMax,
  SetVaultNotifications: 8 * kibibyte,
  SetVaultAccessPolicy: policyBytesMax,
  InitiateVaultLock: policyBytesMax,
  SetDataRetrievalPolicy: 8 * kibibyte,
};

const adminBytesMax: Readonly<Record<AdminBodyName, number>> = {
  CreateAccount: kibibyte,
  UpdateAccessKey: kibibyte,
  CreateSession: kibibyte,
  PutUserPolicy: policyBytesMax,
  SimulatePolicy: 64 * kibibyte,
  AdvanceClock: kibibyte,
  PutFault: 4 * kibibyte,
};

/** The most bytes that a body of JSON, or one that nobody expects, may have. */
export const bodyBytesMax = (name: OperationName): number =>
  operations[name].request === "json" ? jsonBytesMax[name as JsonOperationName] : nothingBytesMax;

export const adminBodyBytesMax = (name: AdminOperationName): number =>
  adminBytesMax[name as AdminBodyName] ?? nothingBytesMax;
