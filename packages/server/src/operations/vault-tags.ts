import { errors } from "@moraine/protocol";
import { permittedBy } from "../domain/vaults/permission.ts";
import { assertTagKeys, assertTags } from "../domain/vaults/vault-tags.ts";
import type { VaultHandler } from "./context.ts";

/** A key that the vault has already gets the new value: docs/wire.md#tags */
export const addTagsToVault: VaultHandler<"AddTagsToVault"> = async ({ metadata }, { Tags: tags }, { permitted }) => {
  if (tags === undefined) {
    throw errors.missingParameter("tags");
  }
  assertTags(tags);
  await permitted((vault) => metadata.addTags({ ...permittedBy(vault), tags }));
  return {};
};

/** Removing what is not there succeeds. */
export const removeTagsFromVault: VaultHandler<"RemoveTagsFromVault"> = async (
  { metadata },
  { TagKeys: keys },
  { permitted },
) => {
  if (keys === undefined) {
    throw errors.missingParameter("tagKeys");
  }
  assertTagKeys(keys);
  await permitted((vault) => metadata.removeTags({ ...permittedBy(vault), keys }));
  return {};
};

export const listTagsForVault: VaultHandler<"ListTagsForVault"> = async (_services, _input, { vault }) => ({
  Tags: vault.tags,
});
