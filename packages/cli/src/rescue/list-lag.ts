import type { GlacierClient } from "@moraine/client";
import { isAws } from "../context/service-facts.ts";

const milliseconds = { aws: 120_000, others: 2000 } as const;

/** Returns how long a job that was started may be missing in a list of jobs. AWS does not say; a Moraine lists it at once. */
export const listLagOf = async (client: GlacierClient): Promise<number> =>
  (await isAws(client)) ? milliseconds.aws : milliseconds.others;
