import {
  type AccountId,
  type FaultModeName,
  isAccountId,
  millisecondsPer,
  type OperationName,
  operations,
} from "@moraine/protocol";

// Faults that people ask for to test their own clients. A fault acts on responses, and on ids that are made, never on stored data.

/** Which operations a mode can act on; null is all. */
export const faultModes = {
  /** 400 `ThrottlingException`; the operation is not done. */
  throttle: null,
  /** 500 `ServiceUnavailableException`; the operation is not done. */
  unavailable: null,
  /** 408 `RequestTimeoutException`, as for a body that does not arrive in time; the operation is not done. */
  "request-timeout": ["UploadArchive", "UploadMultipartPart"],
  /** The operation is done, and its response starts `milliseconds` later. */
  delay: null,
  /** The body of the response comes at `bytesPerSecond`. */
  "slow-body": null,
  /** The operation is done, and its response is interrupted after `bytes` of its body; at 0 nothing of the response is sent. */
  reset: null,
  /** The response's tree hash is of something else. */
  "wrong-checksum": ["UploadArchive", "UploadMultipartPart", "CompleteMultipartUpload", "GetJobOutput"],
  /** A range comes with the tree hash of the whole archive, as some servers have it. */
  "whole-checksum": ["GetJobOutput"],
  /** One bit of the body is another; length and headers are right. */
  "corrupt-byte": null,
  /** 404, as a day after completion. */
  "expired-job": ["DescribeJob", "GetJobOutput"],
  /** 503 for Expedited retrievals; the job is not started. */
  "insufficient-capacity": ["InitiateJob"],
  /** 400 `NoLongerSupportedException`; the operation is not done. */
  "no-longer-supported": null,
  /** Ids begin with `-`. */
  "dash-ids": ["UploadArchive", "InitiateMultipartUpload", "InitiateJob"],
} as const satisfies Record<FaultModeName, readonly OperationName[] | null>;

export type FaultMode = keyof typeof faultModes;

export interface FaultRule {
  readonly mode: FaultMode;
  /** Null is all that the mode can act on. */
  readonly operation: OperationName | null;
  /** The account whose requests it acts on; null is all accounts. */
  readonly accountId: AccountId | null;
  /** The share of matching responses that it acts on: above 0, up to 1. */
  readonly rate: number;
  /** How many responses at most; null is no end. */
  readonly count: number | null;
  /** For `reset`: 0 unless it was given. Null in other modes. */
  readonly bytes: number | null;
  /** For `slow-body`: 1024 unless it was given. Null in other modes. */
  readonly bytesPerSecond: number | null;
  /** For `delay`: 1000 unless it was given. Null in other modes. */
  readonly milliseconds: number | null;
}

/** A rule that is in force. */
export interface ActiveFault extends FaultRule {
  readonly id: string;
  /** The responses that remain of `count`; 0 when it has run out. */
  readonly left: number | null;
  /** The responses it has acted on. */
  readonly fired: number;
}

/** The rules of a service that was started with faults allowed. */
export interface Faults {
  put(rule: FaultRule): ActiveFault;
  /** In the order in which they were put. */
  list(): readonly ActiveFault[];
  /** False when there is none of this id. */
  remove(id: string): boolean;
  clear(): void;
  /** Makes them as they were at the start, random numbers included. */
  reset(): void;
}

/** A rule that was not understood, or could never act. */
export class FaultError extends Error {
  override readonly name = "FaultError";
}

export interface FaultRequest {
  readonly mode: string;
  readonly operation?: string | undefined;
  readonly accountId?: string | undefined;
  readonly rate?: number | undefined;
  readonly count?: number | undefined;
  readonly bytes?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  readonly milliseconds?: number | undefined;
}

interface Measure {
  readonly mode: FaultMode;
  readonly what: string;
  readonly least: number;
  readonly most: number;
  readonly fallback: number;
}

/** The numbers that only one mode has. */
const measures = {
  bytes: { mode: "reset", what: "A number of bytes", least: 0, most: Number.MAX_SAFE_INTEGER, fallback: 0 },
  bytesPerSecond: {
    mode: "slow-body",
    what: "A number of bytes a second",
    least: 1,
    most: Number.MAX_SAFE_INTEGER,
    fallback: 1024,
  },
  // A timer holds no more than 24 days; and a client that waits for a day waits for ever.
  milliseconds: {
    mode: "delay",
    what: "A number of milliseconds",
    least: 1,
    most: millisecondsPer.day,
    fallback: 1000,
  },
} as const satisfies Record<string, Measure>;

/** Throws FaultError. */
export function faultRule(request: FaultRequest): FaultRule {
  const { mode, accountId = null, rate = 1, count = null } = request;
  if (!isMode(mode)) {
    throw new FaultError(`There is no fault mode ${mode}: they are ${Object.keys(faultModes).join(", ")}`);
  }
  if (accountId !== null && !isAccountId(accountId)) {
    throw new FaultError(`An account id is 12 digits: ${accountId}`);
  }
  if (!(rate > 0 && rate <= 1)) {
    throw new FaultError(`A rate is above 0 and up to 1: ${rate}`);
  }
  assertWhole("A count", count, 1);
  return {
    mode,
    operation: operationOf(mode, request.operation ?? null),
    accountId,
    rate,
    count,
    bytes: measureOf("bytes", request),
    bytesPerSecond: measureOf("bytesPerSecond", request),
    milliseconds: measureOf("milliseconds", request),
  };
}

const isMode = (text: string): text is FaultMode => Object.hasOwn(faultModes, text);

function operationOf(mode: FaultMode, name: string | null): OperationName | null {
  if (name === null) {
    return null;
  }
  const possible: readonly string[] = faultModes[mode] ?? Object.keys(operations);
  if (!Object.hasOwn(operations, name)) {
    throw new FaultError(`There is no operation ${name}`);
  }
  if (!possible.includes(name)) {
    throw new FaultError(`The fault ${mode} acts on ${possible.join(", ")}, not on ${name}`);
  }
  return name as OperationName;
}

function measureOf(name: keyof typeof measures, request: FaultRequest): number | null {
  const { mode, what, least, most, fallback }: Measure = measures[name];
  const value = request[name];
  if (request.mode !== mode) {
    if (value !== undefined) {
      throw new FaultError(`Only the fault ${mode} has ${name}`);
    }
    return null;
  }
  assertWhole(what, value, least);
  if (value !== undefined && value > most) {
    throw new FaultError(`${what} is at most ${most}: ${value}`);
  }
  return value ?? fallback;
}

function assertWhole(what: string, value: number | null | undefined, least: number): void {
  if (value !== null && value !== undefined && !(Number.isSafeInteger(value) && value >= least)) {
    throw new FaultError(`${what} is a whole number from ${least} on: ${value}`);
  }
}
