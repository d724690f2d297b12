import {
  type AdminOperation,
  type AdminPageInput,
  type AdminPageOutput,
  type NoOutput,
  pageQuery,
  type UserInput,
} from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const policyOperations = {
  PutUserPolicy:    { method: "PUT",    path: "/admin/users/{userName}/policies/{policyName}", status: 204, scope: "account", resource: "principal", request: "json", response: "none", refusesSessions: true },
  GetUserPolicy:    { method: "GET",    path: "/admin/users/{userName}/policies/{policyName}", status: 200, scope: "account", resource: "principal", request: "none", response: "json" },
  ListUserPolicies: { method: "GET",    path: "/admin/users/{userName}/policies",              status: 200, scope: "account", resource: "principal", request: "none", response: "json", query: pageQuery },
  DeleteUserPolicy: { method: "DELETE", path: "/admin/users/{userName}/policies/{policyName}", status: 204, scope: "account", resource: "principal", request: "none", response: "none", refusesSessions: true },
} as const satisfies Record<string, AdminOperation>;

export interface PolicyShapes {
  /** Adds the policy or replaces it. Whoever may call this may grant anything in the account, as in IAM. */
  PutUserPolicy: { input: UserPolicyInput & { readonly Policy: string }; output: NoOutput };
  GetUserPolicy: { input: UserPolicyInput; output: UserPolicyDescription };
  ListUserPolicies: { input: UserInput & AdminPageInput; output: ListUserPoliciesOutput };
  DeleteUserPolicy: { input: UserPolicyInput; output: NoOutput };
}

export interface UserPolicyInput extends UserInput {
  readonly policyName: string;
}

export interface UserPolicyDescription {
  readonly UserName: string;
  readonly PolicyName: string;
  /** The document as it was put. */
  readonly Policy: string;
}

export interface ListUserPoliciesOutput extends AdminPageOutput {
  readonly PolicyNames: readonly string[];
}
