import {
  type AdminOperation,
  type AdminPageInput,
  type AdminPageOutput,
  type NoOutput,
  pageQuery,
  type UserInput,
} from "./admin-operation.ts";

// biome-ignore format: one line per operation reads as a table.
export const userOperations = {
  CreateUser: { method: "PUT",    path: "/admin/users/{userName}", status: 201, scope: "account", resource: "principal", request: "none", response: "json", refusesSessions: true },
  ListUsers:  { method: "GET",    path: "/admin/users",            status: 200, scope: "account", resource: "any",       request: "none", response: "json", query: pageQuery },
  DeleteUser: { method: "DELETE", path: "/admin/users/{userName}", status: 204, scope: "account", resource: "principal", request: "none", response: "none", refusesSessions: true },
} as const satisfies Record<string, AdminOperation>;

export interface UserShapes {
  CreateUser: { input: UserInput; output: UserDescription };
  ListUsers: { input: AdminPageInput; output: ListUsersOutput };
  /** Deletes the user together with its keys, sessions and policies. */
  DeleteUser: { input: UserInput; output: NoOutput };
}

export interface UserDescription {
  readonly UserName: string;
  /** `AIDA…`; a user that is made again under its old name has another. */
  readonly UserId: string;
  readonly Arn: string;
  readonly CreationDate: string;
}

export interface ListUsersOutput extends AdminPageOutput {
  readonly Users: readonly UserDescription[];
}
