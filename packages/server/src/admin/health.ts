import type { StorageDescription } from "@moraine/protocol";
import type { StorageReport } from "../domain/stores/storage-report.ts";
import type { AdminHandler } from "./context.ts";

/** Reports the state of the service, and nothing confidential: no setting, no path, no secret. */
export const getHealth: AdminHandler<"GetHealth"> = async (services) => {
  const { accounts, users, vaults } = await services.metadata.countIdentities();
  const reason = services.readiness();
  return {
    Ready: reason === null,
    Reason: reason,
    Storage: storageOf(services.storage()),
    Warnings: services.warnings(),
    Version: services.version,
    Region: services.region,
    Profile: services.profile,
    Clock: services.manualClock === null ? "system" : "manual",
    UptimeSeconds: Math.floor(services.uptimeSeconds()),
    Accounts: accounts,
    Users: users,
    Vaults: vaults,
  };
};

const storageOf = ({ readOnly, freeBytes, reserveBytes, deleted }: StorageReport): StorageDescription => ({
  ReadOnly: readOnly?.reason ?? null,
  FreeBytes: freeBytes,
  ReserveBytes: reserveBytes,
  DeletedBytes: deleted.sizeBytes,
  DeletedBytesFreeFrom: dateOf(deleted.freeFrom),
  DeletedBytesFreeBy: dateOf(deleted.freeBy),
});

const dateOf = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());
