import { type DamageDescription, formatMilliseconds, formatRange } from "@moraine/protocol";
import type { Damage, DamagePosition } from "../domain/vaults/damage.ts";
import { arnOf } from "../domain/vaults/vault.ts";
import type { AdminHandler } from "./context.ts";
import { adminPage, type RowNames } from "./list-page.ts";

export const listDamagedArchives: AdminHandler<"ListDamagedArchives"> = async ({ metadata }, input) => {
  const { rows, marker } = await adminPage(input, byPlace, (after, limit) => metadata.listDamage({ after, limit }));
  return { DamagedArchives: rows.map(describe), Marker: marker };
};

const byPlace: RowNames<Damage, DamagePosition> = {
  nameOf: ({ owner, range, segmentKey }) => `${owner.id} ${range.firstByte} ${segmentKey ?? ""}`,
  placeOf(name) {
    const [, ownerId, firstByte, segmentKey] = /^([\w-]{1,138}) (-?[0-9]{1,16}) ([\w./-]*)$/.exec(name) ?? [];
    return ownerId === undefined || firstByte === undefined || segmentKey === undefined
      ? undefined
      : { ownerId, firstByte: Number(firstByte), segmentKey };
  },
};

function describe({ owner, range, segmentKey, reason, foundAt }: Damage): DamageDescription {
  const isArchive = owner.kind === "archive";
  return {
    Kind: isArchive ? "Archive" : "Inventory",
    AccountId: owner.vault.accountId,
    VaultARN: arnOf(owner.vault),
    ArchiveId: isArchive ? owner.id : null,
    JobId: isArchive ? null : owner.id,
    ArchiveDescription: owner.description,
    SizeInBytes: owner.sizeBytes,
    // A manifest lies before the first byte, where clients know no place.
    ByteRange: range.firstByte < 0 ? "manifest" : formatRange(range),
    Segment: segmentKey,
    Reason: reason,
    FoundDate: formatMilliseconds(new Date(foundAt)),
  };
}
