import type { Rule } from "../model.ts";
import { fault, refusal, success } from "../possibilities.ts";
import { inVault, notFound, unprovoked } from "./in-vault.ts";

// Keys of the account. Each belongs to one vault of its history, for which alone it signs.

const unknownKey = "UnrecognizedClientException";

const createKey: Rule<"CreateAccessKey"> = (state, { vault, key: name }) => [
  success(() => state.with("key", { vault, name }, { isDeleted: false }), unprovoked("a key can be made at any time")),
];

const deleteKey: Rule<"DeleteAccessKey"> = (state, { vault, key: name }) =>
  state.get("key", vault, name)?.isDeleted === false
    ? [
        success(
          () => state.with("key", { vault, name }, { isDeleted: true }),
          fault("lost change", `access key ${name} exists`),
        ),
      ]
    : [refusal(notFound, state, fault("from nowhere", `access key ${name} does not exist at that time`))];

const useKey: Rule<"UseAccessKey"> = (state, action) => {
  const { vault, key } = action;
  return state.get("key", vault, key)?.isDeleted === false
    ? inVault(state, action, () => [success(() => state, fault("lost change", `access key ${key} exists`))])
    : [refusal(unknownKey, state, fault("undone deletion", `access key ${key} does not exist at that time`))];
};

export const accessKeyRules = { CreateAccessKey: createKey, DeleteAccessKey: deleteKey, UseAccessKey: useKey };
