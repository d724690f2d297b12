import type { ActiveFault, Faults } from "../domain/faults/fault.ts";
import { formatFault } from "../domain/faults/fault-text.ts";
import type { ClockLag, TrustedClock } from "../domain/time/trusted-clock.ts";
import type { DamageCounts } from "../domain/vaults/damage.ts";

interface WarningSources {
  readonly trustedClock: TrustedClock;
  readonly faults: Faults | null;
  readonly networkFileSystem: string | null;
  readonly damage: DamageCounts;
  /** Rows of the metadata. */
  readonly damagedRows: number;
}

/** Warnings for the operator of a service that works; empty when all is well. */
export function warningsOf(sources: WarningSources): readonly string[] {
  const { trustedClock, faults, networkFileSystem, damage, damagedRows } = sources;
  const lag = trustedClock.lag();
  return [
    ...(lag === null ? [] : [describeLag(lag)]),
    ...(networkFileSystem === null ? [] : [describeNetworkStorage(networkFileSystem)]),
    ...(faults === null ? [] : [faultsAllowed]),
    ...describeDamage(damage),
    ...(damagedRows === 0 ? [] : [describeDamagedRows(damagedRows)]),
    ...faultsInForce(faults).map((fault) => `Fault ${fault.id} is in force: ${formatFault(fault)}`),
  ];
}

const describeNetworkStorage = (name: string): string =>
  `The data folder lies on a network file system (${name}): if its locks or syncs do not hold, archives can be lost`;

export const faultsInForce = (faults: Faults | null): readonly ActiveFault[] =>
  faults?.list().filter(({ left }) => left !== 0) ?? [];

export const faultsAllowed =
  "Faults are allowed: responses may be corrupted on purpose, so this server is for tests alone";

export const describeLag = ({ serviceTime, trustedTime }: ClockLag): string =>
  `The clock says ${iso(serviceTime)}, implausibly far ahead, so policies use ${iso(trustedTime)}: if the ` +
  "clock is right, restart with --trust-clock";

/** Names nothing: anybody may read a warning. */
function describeDamage({ archives, inventories }: DamageCounts): string[] {
  const counted = [
    ...(archives > 0 ? [count(archives, "archive", "archives")] : []),
    ...(inventories > 0 ? [count(inventories, "inventory", "inventories")] : []),
  ];
  return counted.length === 0
    ? []
    : [
        `Stored data is damaged and not served: bytes of ${counted.join(" and ")}. List them with: moraine admin damaged`,
      ];
}

const describeDamagedRows = (rows: number): string =>
  `The metadata are damaged, or were changed by somebody: ${count(rows, "row is", "rows are")} not as stored, and not used. ` +
  "The log names them; restore the database from a backup";

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`;

export const lagSeconds = (lag: ClockLag | null): number =>
  lag === null ? 0 : (lag.serviceTime - lag.trustedTime) / 1000;

const iso = (time: number): string => new Date(time).toISOString();
