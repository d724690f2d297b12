import type { AccountId } from "@moraine/protocol";
import { authenticator } from "../auth/authenticate.ts";
import { accessControl } from "../auth/authorize.ts";
import { FailureLimiter, type FailureLimits } from "../auth/failure-limiter.ts";
import { SealedCredentialStore } from "../auth/sealed-credentials.ts";
import type { Config } from "../config.ts";
import type { Node } from "../domain/node.ts";
import { RequestCounts } from "../domain/request-counts.ts";
import type { ServiceContext } from "../http/connections/listener.ts";
import type { AdminContext } from "../http/serve-admin.ts";
import { packageVersion } from "../package-version.ts";
import type { EventLog } from "./event-log.ts";

export type AccessConfig = Pick<
  Config,
  "accountId" | "region" | "profile" | "presigned" | "unsignedHeaders" | "isEphemeral"
>;

/** Authentication and authorization: the vault API and the admin API have the same rules, each with a signature of its own. */
export function createAccessControl(
  config: AccessConfig,
  { tooCostly: onTooCostly }: EventLog["access"],
  parts: Omit<
    AdminContext["services"],
    | "access"
    | "requestCounts"
    | "region"
    | "profile"
    | "operatorAccountId"
    | "isEphemeral"
    | "version"
    | "uptimeSeconds"
  > & { readonly failureLimits: FailureLimits; readonly node: Node },
): Pick<ServiceContext, "identify" | "access" | "admin" | "sts" | "requestCounts"> {
  const { region, profile, presigned, unsignedHeaders } = config;
  const credentials = new SealedCredentialStore(parts.metadata, parts.keyring, parts.node);
  const failures = new FailureLimiter(parts.failureLimits);
  const common = { credentials, region, failures, systemNow: parts.systemNow };
  const access = accessControl({
    metadata: parts.metadata,
    region,
    now: () => parts.clock.now(),
    policyNow: () => parts.trustedClock.policyNow(),
    policyMeter: parts.policyMeter,
    onTooCostly,
  });
  const requestCounts = new RequestCounts();
  const services = {
    ...parts,
    access,
    requestCounts,
    region,
    profile,
    operatorAccountId: config.accountId as AccountId,
    isEphemeral: config.isEphemeral,
    version: packageVersion(),
    uptimeSeconds: () => process.uptime(),
  };
  return {
    identify: authenticator({ ...common, service: "glacier", presigned, unsignedHeaders }),
    access,
    requestCounts,
    sts: {
      region,
      identify: authenticator({ ...common, service: "sts", presigned: "off", unsignedHeaders: "refuse" }),
    },
    admin: {
      services,
      identify: authenticator({ ...common, service: "moraine", presigned: "off", unsignedHeaders: "refuse" }),
      forgetCredentials: () => credentials.forgetAll(),
    },
  };
}
