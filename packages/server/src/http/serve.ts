import { type AccountId, errors, isAccountId } from "@moraine/protocol";
import type { Identify } from "../auth/authenticate.ts";
import type { AccessControl } from "../auth/authorize.ts";
import type { Caller } from "../auth/caller.ts";
import { resourceOf } from "../auth/resources.ts";
import { isPresigned } from "../auth/signature-claim.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import { recordedBy } from "../domain/stores/recorded-changes.ts";
import type { Vault, VaultKey } from "../domain/vaults/vault.ts";
import type { Services } from "../operations/context.ts";
import { bodyBytesMax } from "./body/body-limits.ts";
import { readSigned } from "./body/read-signed.ts";
import type { Incoming, Perform } from "./perform.ts";
import { requestedArchive } from "./wire/decode.ts";
import type { Reply } from "./wire/encode.ts";
import { type Route, routeOf } from "./wire/router.ts";
import type { WireRequest } from "./wire/wire-request.ts";

export interface ServeContext {
  readonly services: Omit<Services, "metadata"> & { readonly metadata: MetadataStore };
  readonly identify: Identify;
  readonly access: AccessControl;
  /** Handles an authorized request: `perform`, or `perform` with faults wrapped around it. */
  readonly perform: Perform;
}

/** The path of a request, top to bottom. The order of its checks is AWS's. */
export async function serve({ services, identify, access, perform }: ServeContext, incoming: Incoming): Promise<Reply> {
  const { request, audit } = incoming;
  const route = routeOf(request);
  incoming.onRoute(route.name);
  audit.onRoute({ name: route.name, isChange: request.method !== "GET", path: route.path });
  // Identify the caller, then read the body and verify the signature: in the order that the client makes possible.
  using identified = await identify(request);
  const bounded = { body: incoming.shortBody, sizeBytesMax: bodyBytesMax(route.name) };
  const { caller, json } = await readSigned(identified, route.operation, request, bounded);
  incoming.onVerified();
  audit.onCaller(caller);
  assertVersion(request);
  const accountId = resolveAccount(route, caller);
  const key = { accountId, region: services.region, vaultName: route.path["vaultName"] ?? "" };
  audit.onVault(key);
  const archiveId = () => requestedArchive(route, json);
  const authorize = async () => {
    // One row says whether the vault exists, and what holds for it. Until the caller may know, both cases are one.
    const [vault, grants] = await Promise.all([findVault(services, key), access.grantsOf(caller)]);
    await access.authorize(caller, grants, { ...resourceOf(route.name, key), vault, archiveId }, incoming);
    return vault;
  };
  const vault = await authorize();
  // Changes are recorded as the caller's, in the transaction that makes them.
  const metadata = recordedBy(services.metadata, audit);
  const { isCurrent } = identified;
  const authorizeAgain = async () => {
    await identified.renew();
    return authorize();
  };
  return perform({ ...services, metadata }, { route, caller, key, vault, isCurrent, authorizeAgain, json, incoming });
}

/** A presigned URL that reads may leave the version out or carry it in its query: that is how the common SDKs make one. */
function assertVersion(request: WireRequest): void {
  const isPresignedRead = request.method === "GET" && isPresigned(request);
  const version = request.header("x-amz-glacier-version") ?? (isPresignedRead ? versionInQuery(request) : undefined);
  if (isPresignedRead && version === undefined) {
    return;
  }
  if (version === undefined || version === "") {
    throw errors.missingParameter("API version");
  }
  if (version !== "2012-06-01") {
    throw errors.invalidParameter(`Invalid API version: ${version}`);
  }
}

/** JavaScript and Go spell the parameter differently. */
const versionInQuery = ({ parameters }: WireRequest): string | undefined =>
  ["x-amz-glacier-version", "X-Amz-Glacier-Version"].flatMap(parameters)[0];

/**
 * `-` is the account of the caller; responses always have the real one (docs/wire.md#paths-and-accounts). Some operations are
 * only for the caller's own account: no policy admits others.
 */
function resolveAccount({ operation, path }: Route, caller: Caller): AccountId {
  const { accountId: text = "" } = path;
  const accountId = text === "-" ? caller.accountId : text;
  if (!isAccountId(accountId) || (operation.account === "own" && accountId !== caller.accountId)) {
    throw errors.accessDeniedAccount(text);
  }
  return accountId;
}

const findVault = async ({ metadata }: ServeContext["services"], key: VaultKey): Promise<Vault | null> =>
  key.vaultName === "" ? null : metadata.findVault(key);
