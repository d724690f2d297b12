import { errors } from "@moraine/protocol";
import { assertTagKeys, assertTags } from "../domain/vault-tags.ts";
import type { VaultHandler } from "./context.ts";

/** A key that the vault has already gets the new value (contract 7). */
export const addTagsToVault: VaultHandler<"AddTagsToVault"> = async ({ metadata }, { Tags: tags }, { key, vault }) => {
  if (tags === undefined) {
    throw errors.missingParameter("tags");
  }
  assertTags(tags);
  await metadata.addTags({ vaultId: vault.id, vault: key, tags });
  return {};
};

/** Removing what is not there succeeds. */
export const removeTagsFromVault: VaultHandler<"RemoveTagsFromVault"> = async (
  { metadata },
  { TagKeys: keys },
  { key, vault },
) => {
  if (keys === undefined) {
    throw errors.missingParameter("tagKeys");
  }
  assertTagKeys(keys);
  await metadata.removeTags({ vaultId: vault.id, vault: key, keys });
  return {};
};

export const listTagsForVault: VaultHandler<"ListTagsForVault"> = async (_services, _input, { vault }) => ({
  Tags: vault.tags,
});
