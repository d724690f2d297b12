import assert from "node:assert/strict";
import { type AdminOperation, type AdminOperationName, adminOperations, type NewAccessKey } from "@moraine/protocol";
import type { TestServer } from "./server.ts";
import type { Credentials, WireAnswer } from "./signed-request.ts";

// Calls of the admin API, and the accounts and users that tests want. Those that make something assert that it was made.

export const otherAccountId = "999999999999";
export const userArn = (name: string, account = "012345678901"): string => `arn:aws:iam::${account}:user/${name}`;
export const rootArn = (account = "012345678901"): string => `arn:aws:iam::${account}:root`;

export interface AdminCall {
  /** For the path and the query. */
  readonly members?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** @default the operator's root */
  readonly key?: Credentials;
}

export function adminRequest(name: AdminOperationName, { members = {}, body, key }: AdminCall = {}) {
  const { method, path, query = [] }: AdminOperation = adminOperations[name];
  const filled = path.replace(/\{(\w+)\}/g, (_, member: string) => encodeURIComponent(members[member] ?? "-"));
  const parameters = query.flatMap((member) =>
    members[member] === undefined ? [] : [[member, members[member]] as const],
  );
  const search = parameters.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
  return {
    method,
    path: search === "" ? filled : `${filled}?${search}`,
    service: "moraine",
    headers: { "x-amz-glacier-version": undefined },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    ...(key === undefined ? {} : { key }),
  };
}

export const callAdmin = ({ client }: TestServer, name: AdminOperationName, call?: AdminCall): Promise<WireAnswer> =>
  client.send(adminRequest(name, call));

/** The body of a response that is a success. */
export async function demand<Body>(server: TestServer, name: AdminOperationName, call?: AdminCall): Promise<Body> {
  const answer = await callAdmin(server, name, call);
  assert.equal(answer.status, adminOperations[name].status, answer.text);
  return (answer.text === "" ? undefined : answer.json<Body>()) as Body;
}

/** Makes an account; resolves to its root's key. */
export async function makeAccount(server: TestServer, accountId = otherAccountId): Promise<Credentials> {
  const { AccessKey } = await demand<{ AccessKey: NewAccessKey }>(server, "CreateAccount", {
    body: { AccountId: accountId },
  });
  return credentialsOf(AccessKey);
}

/** Makes a user with a key and, if any is given, a policy of these statements; resolves to the key. */
export async function makeUser(
  server: TestServer,
  userName: string,
  statements: readonly object[] = [],
  root?: Credentials,
): Promise<Credentials> {
  const as = root === undefined ? {} : { key: root };
  await demand(server, "CreateUser", { members: { userName }, ...as });
  if (statements.length > 0) {
    await grant(server, userName, statements, root);
  }
  return credentialsOf(await demand<NewAccessKey>(server, "CreateAccessKey", { members: { userName }, ...as }));
}

/** Puts the one policy of a user that these helpers know of. */
export async function grant(
  server: TestServer,
  userName: string,
  statements: readonly object[],
  root?: Credentials,
): Promise<void> {
  await demand(server, "PutUserPolicy", {
    members: { userName, policyName: "granted" },
    body: { Policy: policy(...statements) },
    ...(root === undefined ? {} : { key: root }),
  });
}

export const policy = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: "2012-10-17", Statement: statements });
export const allow = (action: string | readonly string[], resource: string | readonly string[] = "*", more = {}) => ({
  Effect: "Allow",
  Action: action,
  Resource: resource,
  ...more,
});
export const deny = (action: string | readonly string[], resource: string | readonly string[] = "*", more = {}) => ({
  ...allow(action, resource, more),
  Effect: "Deny",
});

export const credentialsOf = ({ AccessKeyId, SecretAccessKey }: NewAccessKey): Credentials => ({
  accessKeyId: AccessKeyId,
  secretAccessKey: SecretAccessKey,
});

export const deniedAdmin = (arn: string, name: string, resource: string) => ({
  status: 403,
  code: "AccessDeniedException",
  message: `User: ${arn} is not authorized to perform: moraine:${name} on resource: ${resource} because no identity-based policy allows the moraine:${name} action`,
});
