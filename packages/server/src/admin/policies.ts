import { adminErrors, isIdentityName } from "@moraine/protocol";
import { assertNewIdentityPolicy } from "../domain/policy/new-policy.ts";
import { PolicyError } from "../domain/policy/parse.ts";
import { readingMilliseconds } from "../domain/policy/policy-meter.ts";
import type { UserPolicy } from "../domain/stores/identity-store.ts";
import type { AdminHandler } from "./context.ts";
import { adminPage, byName } from "./list-page.ts";
import { requireUser } from "./require-user.ts";

/** Refused as a whole when any of it is not understood: a policy that is half understood would grant or deny by accident. */
export const putUserPolicy: AdminHandler<"PutUserPolicy"> = async (
  { metadata, policyMeter },
  { userName, policyName, Policy: document },
  { accountId },
) => {
  if (!isIdentityName(policyName)) {
    throw adminErrors.invalidName("policy name", policyName);
  }
  await policyMeter.admit(accountId);
  policyMeter.charge(accountId, readingMilliseconds(document.length));
  assertPolicy(document);
  await metadata.putUserPolicy({ user: { accountId, userName }, policy: { policyName, document } });
  return {};
};

export const getUserPolicy: AdminHandler<"GetUserPolicy"> = async (
  services,
  { userName, policyName },
  { accountId },
) => {
  const user = await requireUser(services, { accountId, userName });
  const policies = await services.metadata.userPolicies(user.id);
  const policy = policies.find((one) => one.policyName === policyName);
  if (policy === undefined) {
    throw adminErrors.userPolicyNotFound(policyName);
  }
  return { UserName: userName, PolicyName: policyName, Policy: policy.document };
};

export const listUserPolicies: AdminHandler<"ListUserPolicies"> = async (
  services,
  { userName, ...page },
  { accountId },
) => {
  const user = await requireUser(services, { accountId, userName });
  const policies = await services.metadata.userPolicies(user.id);
  const { rows, marker } = await adminPage(
    page,
    byName(({ policyName }: UserPolicy) => policyName),
    async (after, limit) => policies.filter(({ policyName }) => after === null || policyName > after).slice(0, limit),
  );
  return { PolicyNames: rows.map(({ policyName }) => policyName), Marker: marker };
};

export const deleteUserPolicy: AdminHandler<"DeleteUserPolicy"> = async (
  { metadata },
  { userName, policyName },
  { accountId },
) => {
  await metadata.removeUserPolicy({ user: { accountId, userName }, policyName });
  return {};
};

function assertPolicy(document: string): void {
  try {
    assertNewIdentityPolicy(document);
  } catch (error) {
    throw error instanceof PolicyError ? adminErrors.invalidPolicy(error.message) : error;
  }
}
