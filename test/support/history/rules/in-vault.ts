import { fault, type Possibility, refusal } from "../possibilities.ts";
import type { State } from "../state.ts";

export const notFound = "ResourceNotFoundException";
export const invalid = "InvalidParameterValueException";
export const denied = "AccessDeniedException";

export const unprovoked = (what: string) => fault("wrong refusal", `${what}, so nothing refuses it`);

/** The possibilities in a vault that exists; any call on another is refused. */
export function inVault(
  state: State,
  { vault }: { readonly vault: string },
  possibilities: () => readonly Possibility[],
): readonly Possibility[] {
  return state.get("vault", vault) === undefined
    ? [refusal(notFound, state, fault("from nowhere", `vault ${vault} does not exist at that time`))]
    : possibilities();
}
