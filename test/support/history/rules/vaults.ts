import { isDeepStrictEqual } from "node:util";
import type { Tags } from "../calls.ts";
import type { Rule } from "../model.ts";
import { fault, refusal, success } from "../possibilities.ts";
import type { State, Values } from "../state.ts";
import { rulesOf, tagsOf, unlessDenied } from "./denials.ts";
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
  change(state, vault, () => withTags(state, vault, { ...tagsOf(state, vault), ...tags }));

const removeTags: Rule<"RemoveTagsFromVault"> = (state, { vault, keys }) =>
  change(state, vault, () => {
    const left = Object.entries(tagsOf(state, vault)).filter(([key]) => !keys.includes(key));
    return withTags(state, vault, Object.fromEntries(left));
  });

/** Equal tags are equal states. */
const withTags = (state: State, vault: string, tags: Tags): State =>
  state.with(
    "tags",
    { vault },
    Object.fromEntries(Object.entries(tags).sort(([left], [right]) => (left < right ? -1 : 1))),
  );

const listTags: Rule<"ListTagsForVault"> = (state, action) =>
  inVault(state, action, () => {
    const tags = tagsOf(state, action.vault);
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
  change(state, vault, () => withPolicy(state, vault, { name, denies, ...(whileTag !== undefined && { whileTag }) }));

const deletePolicy: Rule<"DeleteVaultAccessPolicy"> = (state, { vault }) =>
  change(state, vault, () => withPolicy(state, vault, null));

const withPolicy = (state: State, vault: string, policy: Values["rules"]["policy"]): State =>
  state.with("rules", { vault }, { ...rulesOf(state, vault), policy });

const getPolicy: Rule<"GetVaultAccessPolicy"> = (state, action) =>
  inVault(state, action, () => {
    const { policy } = rulesOf(state, action.vault);
    const wrong = fault("lost change", `the access policy is ${policy?.name ?? "none"}`);
    return policy === null
      ? [refusal(notFound, state, wrong)]
      : [success((answer) => (answer === null || answer.policy === policy.name ? state : wrong), wrong)];
  });

const setNotifications: Rule<"SetVaultNotifications"> = (state, { vault, topic }) =>
  change(state, vault, () => state.with("topic", { vault }, { name: topic }));

const getNotifications: Rule<"GetVaultNotifications"> = (state, action) =>
  inVault(state, action, () => {
    const topic = state.get("topic", action.vault)?.name;
    const wrong = fault("lost change", `the topic is ${topic ?? "none"}`);
    return topic === undefined
      ? [refusal(notFound, state, wrong)]
      : [success((answer) => (answer === null || answer.topic === topic ? state : wrong), wrong)];
  });

const change = (state: State, vault: string, next: () => State) =>
  inVault(state, { vault }, () => [success(next, unprovoked("the vault takes the change"))]);

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
