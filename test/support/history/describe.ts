import type { Outcome } from "./calls.ts";
import type { Action } from "./model.ts";
import type { Operation } from "./operations.ts";

/** The operation and its outcome, as the first half of a sentence. */
export function namesOf({ call, action, outcome }: Operation): string {
  return `${subjectOf(action)} (call ${call}) ${predicateOf(action, outcome)}`;
}

const listing: Readonly<Record<string, string>> = {
  FindVault: "ListVaults",
  FindArchive: "ListArchives",
  FindUpload: "ListMultipartUploads",
};

function subjectOf(action: Action): string {
  const name = nameIn(action);
  const isListing = action.op in listing;
  return `${listing[action.op] ?? action.op} of ${action.vault}${name === "" || isListing ? "" : `/${name}`}`;
}

function nameIn(action: Action): string {
  if ("archive" in action) {
    return action.archive;
  }
  if ("key" in action) {
    return action.key;
  }
  return "job" in action ? action.job : "lock" in action ? action.lock : "";
}

function predicateOf(action: Action, outcome: Outcome): string {
  if (outcome.kind !== "ok") {
    return outcome.kind === "refused" ? `was refused with ${outcome.code}` : "has no known outcome";
  }
  const { answer } = outcome;
  switch (action.op) {
    case "FindVault":
      return listed(answer.vaults?.includes(action.vault), action.vault);
    case "FindArchive":
      return listed(
        answer.archives?.some(({ name }) => name === action.archive),
        action.archive,
      );
    case "FindUpload":
      return listed(answer.uploads?.includes(action.archive), action.archive);
    default: {
      const text = JSON.stringify(answer);
      return text === "{}" ? "succeeded" : `answered ${text}`;
    }
  }
}

const listed = (isListed: boolean | undefined, name: string): string =>
  isListed === true ? `listed ${name}` : `did not list ${name}`;
