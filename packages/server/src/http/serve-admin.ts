import { type AdminOperationName, errors, limits, partitionOf } from "@moraine/protocol";
import type { AdminHandler, AdminServices } from "../admin/context.ts";
import { adminHandlers } from "../admin/index.ts";
import type { AccessRequest } from "../auth/access-request.ts";
import type { IdentifiedCaller, Identify } from "../auth/authenticate.ts";
import { type Caller, principalOf } from "../auth/caller.ts";
import { principalArn } from "../domain/policy/evaluate.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { recordedBy } from "../domain/stores/recorded-changes.ts";
import { adminBodyBytesMax } from "./body/body-limits.ts";
import { readSigned } from "./body/read-signed.ts";
import type { Incoming } from "./perform.ts";
import { type AdminMembers, decodeAdminBody, decodeAdminMembers } from "./wire/admin-decode.ts";
import { type AdminRoute, adminRouteOf } from "./wire/admin-router.ts";
import { jsonReply, type Reply } from "./wire/encode.ts";

export interface AdminContext {
  readonly services: Omit<AdminServices, "metadata"> & { readonly metadata: MetadataStore };
  readonly identify: Identify;
  /** Called after anything that may have changed who may sign. */
  forgetCredentials(): void;
}

export const isAdminPath = (path: string): boolean => path.startsWith("/admin/");

/** The path of a request to the admin API: that of any other (`serve.ts`), on a table of its own. */
export async function serveAdmin(context: AdminContext, incoming: Incoming): Promise<Reply> {
  const { services, identify, forgetCredentials } = context;
  const { request, shortBody, onRoute, onVerified, audit } = incoming;
  const route = adminRouteOf(request);
  onRoute(route.name);
  const isChange = route.operation.method !== "GET" && route.operation.changesNothing !== true;
  audit.onRoute({ name: route.name, isChange, path: route.path });
  // Identify the caller, then read the body and verify the signature, as in `serve.ts`.
  using identified = await identify(request);
  const bounded = { body: shortBody, sizeBytesMax: adminBodyBytesMax(route.name) };
  const { caller, json } = await readSigned(identified, inJson, request, bounded);
  onVerified();
  audit.onCaller(caller);
  const members = decodeAdminMembers(route, request);
  await authorize(services, route, members, caller, incoming);
  const input = { ...members, ...decodeAdminBody(route.name, json) };
  if (isChange) {
    await useOnce(services, identified);
  }
  const handler = adminHandlers[route.name] as AdminHandler<AdminOperationName>;
  try {
    const output = await handler(
      { ...services, metadata: recordedBy(services.metadata, audit) },
      input as Parameters<typeof handler>[1],
      caller,
    );
    return encode(route, output);
  } finally {
    // Also when it failed: whether it happened all the same may be unknown.
    if (isChange) {
      forgetCredentials();
    }
  }
}

/** Somebody who recorded a request would be given credentials of their own by sending it again. */
async function useOnce(
  { metadata, systemNow }: AdminContext["services"],
  { claimed }: IdentifiedCaller,
): Promise<void> {
  await metadata.useSignature({
    signature: Buffer.from(claimed.signature, "hex"),
    // Longer than it is accepted, in case the clock is put back.
    expiresAt: claimed.expiresAt + limits.clockSkewSeconds * 1000,
    now: systemNow().getTime(),
  });
}

const inJson = { request: "json" } as const;

async function authorize(
  { access, region, operatorAccountId }: AdminContext["services"],
  { name, operation }: AdminRoute,
  { userName }: AdminMembers,
  caller: Caller,
  incoming: Pick<Incoming, "request" | "audit">,
): Promise<void> {
  const { accountId } = caller;
  const partition = partitionOf(region);
  const concerned = principalOf(accountId, typeof userName === "string" ? { userName } : null);
  const asked: AccessRequest = {
    action: `moraine:${name}`,
    resource: operation.resource === "principal" ? principalArn(concerned, partition) : "*",
    ownerId: accountId,
    vault: null,
    vaultPolicies: false,
  };
  const refuse = (why: string) => {
    incoming.audit.onDecision(why, false);
    return errors.accessDenied(
      `User: ${principalArn(caller.principal, partition)} is not authorized to perform: ${asked.action} on resource: ${asked.resource} because ${why}`,
    );
  };
  if (operation.scope === "service" && accountId !== operatorAccountId) {
    throw refuse("only principals of the operator's account may");
  }
  await access.authorize(caller, await access.grantsOf(caller), asked, incoming);
  if (operation.refusesSessions === true && caller.session !== null) {
    throw refuse("temporary credentials cannot change accounts, users, keys or policies");
  }
}

function encode({ operation }: AdminRoute, output: object): Reply {
  return operation.response === "none"
    ? { status: operation.status, headers: {}, body: null }
    : jsonReply(operation.status, output);
}
