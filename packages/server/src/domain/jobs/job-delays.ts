import { secondsPer } from "@moraine/protocol";
import type { Profile } from "../vaults/vault.ts";
import type { JobDelays } from "./job.ts";

const profileDelays: Readonly<Record<Profile, JobDelays>> = {
  practical: { expeditedSeconds: 0, standardSeconds: 0, bulkSeconds: 0, inventorySeconds: 0 },
  aws: {
    expeditedSeconds: 3 * secondsPer.minute,
    standardSeconds: 4 * secondsPer.hour,
    bulkSeconds: 8 * secondsPer.hour,
    inventorySeconds: 4 * secondsPer.hour,
  },
};

/** The delays of a profile, but for those that the operator has set. */
export function jobDelays(profile: Profile, own: Readonly<Record<keyof JobDelays, number | null>>): JobDelays {
  const set = Object.entries(own).filter(([, seconds]) => seconds !== null);
  return { ...profileDelays[profile], ...Object.fromEntries(set) };
}
