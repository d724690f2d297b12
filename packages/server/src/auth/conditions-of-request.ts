import { formatSeconds, partitionOf } from "@moraine/protocol";
import { type Principal, principalArn } from "../domain/policy/evaluate.ts";
import type { Instant } from "../domain/time/instant.ts";
import type { AccessRequest } from "./access-request.ts";
import type { Caller } from "./caller.ts";
import type { Signed } from "./signature-claim.ts";

/** Lower-case condition key → its values. What is not known of a request has no key. */
export type Conditions = Map<string, readonly string[]>;

/** The condition keys that depend on the connection, the request and the caller's session. */
export function conditionsOfRequest(caller: Caller, request: Signed): Conditions {
  const conditions: Conditions = new Map([
    ["aws:sourceip", [request.address]],
    ["aws:securetransport", [String(request.secure)]],
  ]);
  const userAgent = request.header("user-agent");
  if (userAgent !== undefined) {
    conditions.set("aws:useragent", [userAgent]);
  }
  if (caller.session !== null) {
    conditions.set("aws:tokenissuetime", [dateText(caller.session.issuedAt)]);
    // Temporary credentials could say that a second factor was given: it never is here.
    conditions.set("aws:multifactorauthpresent", ["false"]);
  }
  return conditions;
}

/** The condition keys that do not depend on how the request was sent: the time, the principal and the vault. */
export function conditionsOfMatter(
  principal: Principal,
  userId: string,
  { ownerId, vault }: Pick<AccessRequest, "ownerId" | "vault">,
  { region, now }: { region: string; now: Instant },
): Conditions {
  const conditions: Conditions = new Map([
    ["aws:currenttime", [dateText(now)]],
    ["aws:epochtime", [String(Math.floor(now / 1000))]],
    ["aws:principalarn", [principalArn(principal, partitionOf(region))]],
    ["aws:principalaccount", [principal.accountId]],
    ["aws:principaltype", [principal.kind === "root" ? "Account" : "User"]],
    ["aws:userid", [userId]],
    ["aws:resourceaccount", [ownerId]],
    ["aws:requestedregion", [region]],
  ]);
  if (principal.kind === "user") {
    conditions.set("aws:username", [principal.userName]);
  }
  for (const [tag, value] of Object.entries(vault?.tags ?? {})) {
    // Condition keys have no case, and tags have: those that differ in it alone are values of one key.
    const key = `glacier:resourcetag/${tag.toLowerCase()}`;
    conditions.set(key, [...(conditions.get(key) ?? []), value]);
  }
  return conditions;
}

const dateText = (instant: Instant): string => formatSeconds(new Date(instant));
