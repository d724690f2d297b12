import { formatMilliseconds } from "@moraine/protocol";
import { newCapacityId } from "../domain/new-id.ts";
import type { AccountHandler } from "./context.ts";

/** Buys a unit for a calendar month; an account has at most two at a time (docs/wire.md#provisioned-capacity). */
export const purchaseProvisionedCapacity: AccountHandler<"PurchaseProvisionedCapacity"> = async (
  { metadata, clock },
  _input,
  { key: { accountId, region } },
) => {
  const capacityId = newCapacityId();
  await metadata.addCapacityUnit({ account: { accountId, region }, id: capacityId, now: clock.now() });
  return { capacityId };
};

/** Units that have expired are not listed. */
export const listProvisionedCapacity: AccountHandler<"ListProvisionedCapacity"> = async (
  { metadata, clock },
  _input,
  { key: { accountId, region } },
) => {
  const units = await metadata.listCapacityUnits({ account: { accountId, region }, now: clock.now() });
  return {
    ProvisionedCapacityList: units.map((unit) => ({
      CapacityId: unit.id,
      ExpirationDate: formatMilliseconds(new Date(unit.expiresAt)),
      StartDate: formatMilliseconds(new Date(unit.startedAt)),
    })),
  };
};
