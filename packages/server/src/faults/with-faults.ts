import type { NewIds } from "../domain/new-id.ts";
import type { AuthorizedRequest, Perform } from "../http/perform.ts";
import type { Reply } from "../http/wire/encode.ts";
import { errorReply } from "../http/wire/error-reply.ts";
import type { Services } from "../operations/context.ts";
import { changes } from "./changes.ts";
import type { FaultContext, FaultRegistry } from "./fault-registry.ts";
import { refusals } from "./refusals.ts";

/** Says on every response that a fault changed which one it was; more than one in the order in which they acted. */
export const faultHeader = "x-moraine-fault";

/**
 * Wraps what is done for a request, so that the rules in force act on it. Requests arrive here authenticated and authorized,
 * and what is done is done by `inner` alone, or not at all. Responses that are errors without any fault stay as they are.
 */
export function withFaults(inner: Perform, book: FaultRegistry): Perform {
  return async (services, authorized) => {
    const chances = book.contextsFor(authorized.route.name, authorized.caller.accountId);
    const refusal = refuse(chances, authorized);
    if (refusal !== null) {
      return refusal;
    }
    const ids = dashIds(chances, services.ids);
    const made = await inner({ ...services, ids }, authorized);
    return change(chances, ids.dashed() ? marked(made, "dash-ids") : made, services, authorized);
  };
}

function refuse(chances: readonly FaultContext[], authorized: AuthorizedRequest): Reply | null {
  for (const { rule, fires } of chances) {
    const error = refusals[rule.mode]?.(authorized) ?? null;
    if (error !== null && fires()) {
      return marked(errorReply(error), rule.mode);
    }
  }
  return null;
}

async function change(
  chances: readonly FaultContext[],
  reply: Reply,
  services: Services,
  authorized: AuthorizedRequest,
): Promise<Reply> {
  let changed = reply;
  for (const chance of chances) {
    const { mode } = chance.rule;
    const next = await changes[mode]?.({ reply: changed, services, authorized }, chance);
    changed = next ? marked(next, mode) : changed;
  }
  return changed;
}

/** One throw for all ids of a request. */
function dashIds(chances: readonly FaultContext[], ids: NewIds): NewIds & { dashed(): boolean } {
  const chance = chances.find(({ rule }) => rule.mode === "dash-ids");
  let dashed: boolean | null = null;
  const dash = <Id extends string>(id: Id): Id => {
    dashed ??= chance?.fires() ?? false;
    return dashed ? (`-${id.slice(1)}` as Id) : id;
  };
  return {
    archiveId: () => dash(ids.archiveId()),
    jobId: () => dash(ids.jobId()),
    uploadId: () => dash(ids.uploadId()),
    dashed: () => dashed === true,
  };
}

function marked(reply: Reply, mode: string): Reply {
  const before = reply.headers[faultHeader];
  const value = before === undefined ? mode : `${before}, ${mode}`;
  return { ...reply, headers: { ...reply.headers, [faultHeader]: value } };
}
