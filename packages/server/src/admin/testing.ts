import type { AdminHandler } from "./context.ts";
import { requireFaults } from "./faults.ts";

export const listRequestCounts: AdminHandler<"ListRequestCounts"> = async ({ requestCounts }) => ({
  RequestCounts: requestCounts.list(),
});

/** The faults that the server was started with are in force again, and do what they did the first time. */
export const resetService: AdminHandler<"ResetService"> = async (services) => {
  const { metadata, operatorAccountId: accountId, isEphemeral, requestCounts } = services;
  const faults = requireFaults(services);
  await metadata.removeContents({ accountId, removesLocked: isEphemeral });
  faults.reset();
  requestCounts.clear();
  return {};
};
