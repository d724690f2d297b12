import { adminErrors, errors, type FaultDescription, type PutFaultInput } from "@moraine/protocol";
import { type ActiveFault, FaultError, type FaultRule, type Faults, faultRule } from "../domain/faults/fault.ts";
import type { AdminHandler, AdminServices } from "./context.ts";

export const putFault: AdminHandler<"PutFault"> = async (services, input) =>
  describe(requireFaults(services).put(readRule(input)));

export const listFaults: AdminHandler<"ListFaults"> = async (services) => ({
  FaultList: requireFaults(services).list().map(describe),
});

export const deleteFault: AdminHandler<"DeleteFault"> = async (services, { faultId }) => {
  if (!requireFaults(services).remove(faultId)) {
    throw adminErrors.faultNotFound(faultId);
  }
  return {};
};

export const clearFaults: AdminHandler<"ClearFaults"> = async (services) => {
  requireFaults(services).clear();
  return {};
};

export function requireFaults({ faults }: AdminServices): Faults {
  if (faults === null) {
    throw adminErrors.faultsNotAllowed();
  }
  return faults;
}

function readRule(input: PutFaultInput): FaultRule {
  try {
    return faultRule({
      mode: input.Mode,
      operation: input.Operation,
      accountId: input.AccountId,
      rate: input.Rate,
      count: input.Count,
      bytes: input.Bytes,
      bytesPerSecond: input.BytesPerSecond,
      milliseconds: input.Milliseconds,
    });
  } catch (error) {
    throw error instanceof FaultError ? errors.invalidParameter(error.message) : error;
  }
}

const describe = (fault: ActiveFault): FaultDescription => ({
  FaultId: fault.id,
  Mode: fault.mode,
  Operation: fault.operation,
  AccountId: fault.accountId,
  Rate: fault.rate,
  Count: fault.count,
  Bytes: fault.bytes,
  BytesPerSecond: fault.bytesPerSecond,
  Milliseconds: fault.milliseconds,
  Left: fault.left,
  Fired: fault.fired,
});
