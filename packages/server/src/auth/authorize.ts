import { errors, millisecondsPer, partitionOf } from "@moraine/protocol";
import type { RequestAudit } from "../domain/audit.ts";
import {
  type Decision,
  evaluate,
  type NamedPolicy,
  type PolicySet,
  type PolicySource,
  type Principal,
  principalArn,
} from "../domain/policy/evaluate.ts";
import { PolicyError } from "../domain/policy/parse.ts";
import { type PolicyMeter, stepsMilliseconds } from "../domain/policy/policy-meter.ts";
import type { UserPolicy } from "../domain/stores/identity-store.ts";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { Instant } from "../domain/time/instant.ts";
import { arnOf } from "../domain/vaults/vault.ts";
import { lockInForce } from "../domain/vaults/vault-lock.ts";
import type { AccessRequest } from "./access-request.ts";
import type { Caller } from "./caller.ts";
import { type Conditions, conditionsOfMatter, conditionsOfRequest } from "./conditions-of-request.ts";
import { decisionReason } from "./decision-reason.ts";
import { ParsedPolicies } from "./parsed-policies.ts";
import type { Signed } from "./signature-claim.ts";

export interface AccessOptions {
  readonly metadata: Pick<MetadataStore, "userPolicies" | "findArchive">;
  readonly region: string;
  /** The service's time: a lock on trial ends by it. */
  now(): Instant;
  /** The trusted time that conditions see: `aws:CurrentTime`, and the age of archives. */
  policyNow(): Instant;
  readonly policyMeter: PolicyMeter;
  /** Called when policies deny because they cost too much to evaluate. */
  onTooCostly(source: PolicySource, resource: string): void;
}

/** A request, and the part of the audit trail that is to have the reason of the decision. */
export interface JudgedRequest {
  readonly request: Signed;
  readonly audit: Pick<RequestAudit, "onDecision">;
}

export interface AccessControl {
  /** The policies of whoever calls. Costs a query for a user, and nothing for a root. */
  grantsOf(caller: Caller): Promise<readonly UserPolicy[]>;
  /** Throws AccessDeniedException, in AWS's words. Takes as long and says the same whether or not the vault exists. */
  authorize(
    caller: Caller,
    grants: readonly UserPolicy[],
    asked: AccessRequest,
    incoming: JudgedRequest,
  ): Promise<void>;
  /** The decision alone. @param circumstances what else is known of the request, over what the service knows itself. */
  judge(
    who: { readonly principal: Principal; readonly userId: string },
    grants: readonly UserPolicy[],
    asked: AccessRequest,
    circumstances: () => Conditions,
  ): Promise<Decision>;
}

/** Collects the policies that apply and the values that their conditions read, and evaluates them: docs/wire.md#policies */
export function accessControl(options: AccessOptions): AccessControl {
  const parsed = new ParsedPolicies(options.policyMeter);
  const judge: AccessControl["judge"] = async (who, grants, asked, circumstances) => {
    const policies = await policySet(parsed, who.principal, grants, asked, options.now());
    if ("unreadable" in policies) {
      return { allowed: false, reason: "explicit-deny", source: policies.unreadable, matched: [] };
    }
    const keys = conditionKeysOf(policies);
    const context = keys.size === 0 ? noConditions : await conditions(options, who, asked, keys, circumstances);
    const { accountId } = who.principal;
    await options.policyMeter.admit(accountId);
    const request = {
      principal: who.principal,
      action: asked.action,
      resource: asked.resource,
      resourceAccountId: asked.ownerId,
      context,
    };
    const decision = evaluate(policies, request, (steps) => {
      if (steps > 0) {
        options.policyMeter.charge(accountId, stepsMilliseconds(steps));
      }
    });
    if (decision.isTooCostly && decision.source !== null) {
      options.onTooCostly(decision.source, asked.resource);
    }
    return decision;
  };
  return {
    judge,
    grantsOf: async ({ user }) => (user === null ? [] : options.metadata.userPolicies(user.id)),
    async authorize(caller, grants, asked, { request, audit }) {
      const { principal, accountId, user } = caller;
      const who = { principal, userId: user?.id ?? accountId };
      const decision = await judge(who, grants, asked, () => conditionsOfRequest(caller, request));
      audit.onDecision(decisionReason(decision), decision.allowed);
      if (!decision.allowed) {
        const arn = principalArn(principal, partitionOf(options.region));
        throw errors.accessDenied(denial(arn, asked, redactForStranger(decision, principal, asked)));
      }
    },
  };
}

/** From a Deny, another account would learn that there is such a vault: whom the vault allows nothing hears only that. */
function redactForStranger(decision: Decision, { accountId }: Principal, { ownerId }: AccessRequest): Decision {
  const isLetIn =
    accountId === ownerId || decision.matched.some(({ source, effect }) => source === "resource" && effect === "Allow");
  return isLetIn || decision.source !== "resource" ? decision : { ...decision, reason: "implicit-deny" };
}

/** AWS's wording. */
export function denial(
  arn: string,
  asked: Pick<AccessRequest, "action" | "resource" | "shownAs">,
  decision: Decision,
): string {
  const { action, resource, shownAs = resource } = asked;
  const kind = decision.source === "resource" ? "resource-based" : "identity-based";
  const because =
    decision.reason === "explicit-deny"
      ? `with an explicit deny in ${decision.source === "resource" ? "a" : "an"} ${kind} policy`
      : `because no ${kind} policy allows the ${action} action`;
  return `User: ${arn} is not authorized to perform: ${action} on resource: ${shownAs} ${because}`;
}

const noConditions: Conditions = new Map();
const archiveAge = "glacier:archiveageindays";

/** A policy that cannot be understood when it is met might have denied: so it does. */
async function policySet(
  parsed: ParsedPolicies,
  { accountId }: Principal,
  grants: readonly UserPolicy[],
  asked: AccessRequest,
  now: Instant,
): Promise<PolicySet | { readonly unreadable: PolicySource }> {
  const identity = await named(grants.map((grant) => [grant.policyName, parsed.identity(accountId, grant.document)]));
  if (identity === null) {
    return { unreadable: "identity" };
  }
  const { vault } = asked;
  if (vault === null || !asked.vaultPolicies) {
    return { identity, resource: [] };
  }
  const documents = [
    ["vault access policy", vault.accessPolicy],
    ["vault lock policy", lockInForce(vault.lock, now)?.policy ?? null],
  ] as const;
  const resource = await named(
    documents.flatMap(([name, text]) =>
      text === null ? [] : [[name, parsed.ofVault(asked.ownerId, text, arnOf(vault))]],
    ),
  );
  return resource === null ? { unreadable: "resource" } : { identity, resource };
}

async function named(
  documents: ReadonlyArray<readonly [name: string, parsed: ReturnType<ParsedPolicies["identity"]>]>,
): Promise<readonly NamedPolicy[] | null> {
  const parsed = await Promise.all(documents.map(([, policy]) => policy));
  const policies = documents.flatMap(([name], index) => {
    const policy = parsed[index];
    return policy === undefined || policy instanceof PolicyError ? [] : [{ name, policy }];
  });
  return policies.length === documents.length ? policies : null;
}

function conditionKeysOf({ identity, resource }: PolicySet): ReadonlySet<string> {
  return new Set([...identity, ...resource].flatMap(({ policy }) => [...policy.conditionKeys]));
}

async function conditions(
  { metadata, region, policyNow }: AccessOptions,
  { principal, userId }: { readonly principal: Principal; readonly userId: string },
  asked: AccessRequest,
  keys: ReadonlySet<string>,
  circumstances: () => Conditions,
): Promise<Conditions> {
  const now = policyNow();
  const known = conditionsOfMatter(principal, userId, asked, { region, now });
  const archiveId = keys.has(archiveAge) ? asked.archiveId?.() : undefined;
  if (archiveId !== undefined && asked.vault !== null) {
    const archive = await metadata.findArchive({ vaultId: asked.vault.id, archiveId });
    if (archive !== null && archive.deletedAt === null) {
      known.set(archiveAge, [String(Math.floor((now - archive.createdAt) / millisecondsPer.day))]);
    }
  }
  return new Map([...known, ...circumstances()]);
}
