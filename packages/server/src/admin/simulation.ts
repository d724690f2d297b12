import { type AccountId, errors, type OperationName, operations, partitionOf } from "@moraine/protocol";
import type { AccessRequest } from "../auth/access-request.ts";
import { denial } from "../auth/authorize.ts";
import { principalOf } from "../auth/caller.ts";
import type { Conditions } from "../auth/conditions-of-request.ts";
import { resourceOf } from "../auth/resources.ts";
import { principalArn } from "../domain/policy/evaluate.ts";
import type { AdminHandler, AdminInput, AdminServices } from "./context.ts";
import { requireUser } from "./require-user.ts";

/** Judges by the policies as they are now, with the code that judges every request. */
export const simulatePolicy: AdminHandler<"SimulatePolicy"> = async (services, input, { accountId }) => {
  const { UserName: userName } = input;
  const user = userName === undefined ? null : await requireUser(services, { accountId, userName });
  const grants = user === null ? [] : await services.metadata.userPolicies(user.id);
  const principal = principalOf(accountId, user);
  const asked = await askedBy(services, input, accountId);
  const who = { principal, userId: user?.id ?? accountId };
  const decision = await services.access.judge(who, grants, asked, () => conditionsOf(input.Context));
  return {
    Allowed: decision.allowed,
    Reason: decision.reason,
    Source: decision.source,
    Statements: decision.matched.map(({ policy, index, sid, effect }) => ({
      Policy: policy,
      Index: index,
      Sid: sid,
      Effect: effect,
    })),
    Message: decision.allowed ? null : denial(principalArn(principal, partitionOf(services.region)), asked, decision),
  };
};

/** An operation of Glacier as a request would put it; of one of the admin API the caller says what it is done to. */
async function askedBy(
  { metadata, region }: AdminServices,
  { Action: action, VaultName: vaultName, Resource: resource }: AdminInput<"SimulatePolicy">,
  accountId: AccountId,
): Promise<AccessRequest> {
  const name = nameOf(action);
  if ((name === undefined ? vaultName : resource) !== undefined) {
    throw errors.invalidParameter("VaultName goes with an action of Glacier, and Resource with one of the admin API");
  }
  if (name === undefined) {
    return { action, resource: resource ?? "*", ownerId: accountId, vault: null, vaultPolicies: false };
  }
  if (vaultName === undefined && operations[name].vault !== "none") {
    throw errors.missingParameter("VaultName");
  }
  const key = { accountId, region, vaultName: vaultName ?? "" };
  return { ...resourceOf(name, key), vault: vaultName === undefined ? null : await metadata.findVault(key) };
}

/** The operation of an action of Glacier, whose name has no case; undefined for an action of the admin API. */
function nameOf(action: string): OperationName | undefined {
  const [, service, asked] = /^(glacier|moraine):([A-Za-z]+)$/i.exec(action) ?? [];
  if (service === undefined || asked === undefined) {
    throw errors.invalidParameter(`Invalid Action: ${action}. It must be one action, like glacier:DeleteArchive`);
  }
  const known = Object.keys(operations).find((name) => name.toLowerCase() === asked.toLowerCase());
  if (service.toLowerCase() === "glacier" && known === undefined) {
    throw errors.invalidParameter(`Invalid Action: ${action}. There is no such operation`);
  }
  return service.toLowerCase() === "glacier" ? (known as OperationName) : undefined;
}

function conditionsOf(context: AdminInput<"SimulatePolicy">["Context"] = {}): Conditions {
  return new Map(Object.entries(context).map(([key, values]) => [key.toLowerCase(), values]));
}
