import { isDeepStrictEqual } from "node:util";
import type { Rule } from "../model.ts";
import { fault, refusal, success } from "../possibilities.ts";
import type { State, Values } from "../state.ts";
import { rulesOf, unlessDenied } from "./denials.ts";
import { inVault, invalid, notFound, unprovoked } from "./in-vault.ts";

const createVault: Rule<"CreateVault"> = (state, { vault }) => [
  success(() => state.with("vault", { vault }, { exists: true }), unprovoked("a vault can be created at any time")),
];

/** Refused only while the vault holds an archive; a vault that does not exist is deleted already. */
const deleteVault: Rule<"DeleteVault"> = (state, action, now) => {
  if (state.get("vault", action.vault) === undefined) {
    return [success(() => state, unprovoked("a vault that does not exist is deleted already"))];
  }
  const isEmpty = state.archivesOf(action.vault).every((archive) => archive.state === "deleted");
  return unlessDenied(state, action, now, [
    isEmpty
      ? success(() => state.withoutVault(action.vault), unprovoked(`vault ${action.vault} is empty`))
      : refusal(invalid, state, fault("lost archive", `vault ${action.vault} holds an archive`)),
  ]);
};

const describeVault: Rule<"DescribeVault"> = (state, { vault }) =>
  state.get("vault", vault) === undefined
    ? [refusal(notFound, state, fault("from nowhere", `vault ${vault} does not exist at that time`))]
    : [success(() => state, fault("lost vault", `vault ${vault} exists`))];

const findVault: Rule<"FindVault"> = (state, { vault }) => {
  const exists = state.get("vault", vault) !== undefined;
  const wrong = exists
    ? fault("lost vault", `vault ${vault} exists`)
    : fault("from nowhere", `vault ${vault} does not exist at that time`);
  return [
    success(
      (answer) => (answer === null || answer.vaults?.includes(vault) === exists ? state : wrong),
      unprovoked("a list is a list"),
    ),
  ];
};

const addTags: Rule<"AddTagsToVault"> = (state, { vault, tags }) =>
  changeRules(state, vault, (rules) => ({ ...rules, tags: sorted({ ...rules.tags, ...tags }) }));

const removeTags: Rule<"RemoveTagsFromVault"> = (state, { vault, keys }) =>
  changeRules(state, vault, (rules) => ({
    ...rules,
    tags: Object.fromEntries(Object.entries(rules.tags).filter(([key]) => !keys.includes(key))),
  }));

/** Equal tags are equal states. */
const sorted = (tags: Values["rules"]["tags"]) =>
  Object.fromEntries(Object.entries(tags).sort(([left], [right]) => (left < right ? -1 : 1)));

const listTags: Rule<"ListTagsForVault"> = (state, action) =>
  inVault(state, action, () => {
    const { tags } = rulesOf(state, action.vault);
    return [
      success(
        (answer) =>
          answer === null || isDeepStrictEqual({ ...answer.tags }, { ...tags })
            ? state
            : fault("lost change", `the tags are ${JSON.stringify(tags)}`),
        fault("lost vault", `vault ${action.vault} exists`),
      ),
    ];
  });

const setPolicy: Rule<"SetVaultAccessPolicy"> = (state, { vault, policy: name, denies, whileTag }) =>
  changeRules(state, vault, (rules) => ({
    ...rules,
    policy: { name, denies, ...(whileTag !== undefined && { whileTag }) },
  }));

const deletePolicy: Rule<"DeleteVaultAccessPolicy"> = (state, { vault }) =>
  changeRules(state, vault, (rules) => ({ ...rules, policy: null }));

const getPolicy: Rule<"GetVaultAccessPolicy"> = (state, action) =>
  inVault(state, action, () => {
    const { policy } = rulesOf(state, action.vault);
    const wrong = fault("lost change", `the access policy is ${policy?.name ?? "none"}`);
    return policy === null
      ? [refusal(notFound, state, wrong)]
      : [success((answer) => (answer === null || answer.policy === policy.name ? state : wrong), wrong)];
  });

const setNotifications: Rule<"SetVaultNotifications"> = (state, { vault, topic }) =>
  changeRules(state, vault, (rules) => ({ ...rules, topic }));

const getNotifications: Rule<"GetVaultNotifications"> = (state, action) =>
  inVault(state, action, () => {
    const { topic } = rulesOf(state, action.vault);
    const wrong = fault("lost change", `the topic is ${topic ?? "none"}`);
    return topic === null
      ? [refusal(notFound, state, wrong)]
      : [success((answer) => (answer === null || answer.topic === topic ? state : wrong), wrong)];
  });

function changeRules(state: State, vault: string, change: (rules: Values["rules"]) => Values["rules"]) {
  return inVault(state, { vault }, () => [
    success(
      () => state.with("rules", { vault }, change(rulesOf(state, vault))),
      unprovoked("the vault takes the change"),
    ),
  ]);
}

export const vaultRules = {
  CreateVault: createVault,
  DeleteVault: deleteVault,
  DescribeVault: describeVault,
  FindVault: findVault,
  AddTagsToVault: addTags,
  RemoveTagsFromVault: removeTags,
  ListTagsForVault: listTags,
  SetVaultAccessPolicy: setPolicy,
  DeleteVaultAccessPolicy: deletePolicy,
  GetVaultAccessPolicy: getPolicy,
  SetVaultNotifications: setNotifications,
  GetVaultNotifications: getNotifications,
};
