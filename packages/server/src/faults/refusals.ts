import { errors, type GlacierError } from "@moraine/protocol";
import type { FaultMode } from "../domain/faults/fault.ts";
import type { AuthorizedRequest } from "../http/perform.ts";

/** The error that is returned instead of doing what was asked; null where the fault does not apply. */
type Refusal = (authorized: AuthorizedRequest) => GlacierError | null;

export const refusals: Partial<Readonly<Record<FaultMode, Refusal>>> = {
  throttle: () => errors.throttled(),
  unavailable: () => errors.unavailable("The service is unavailable, as a fault rule asks. Try again later."),
  "request-timeout": () => errors.requestTimeout(),
  "no-longer-supported": () => errors.noLongerSupported(),
  "expired-job": ({ route }) => errors.jobNotFound(route.path["jobId"] ?? ""),
  "insufficient-capacity": ({ json }) => (asksForExpedited(json) ? errors.insufficientCapacity() : null),
};

/** A body that cannot be read is for the operation to refuse. */
function asksForExpedited(json: Uint8Array): boolean {
  try {
    return JSON.parse(Buffer.from(json).toString("utf8")).Tier === "Expedited";
  } catch {
    return false;
  }
}
