import type { Catalog } from "../catalog.ts";
import { CatalogDatabase } from "../catalog-database.ts";
import { isDamage } from "../catalog-error.ts";
import { readPragma } from "../catalog-version.ts";
import { FactTable } from "../fact-table.ts";
import { marksOfVersion1 } from "../migrations.ts";
import { CostTable, transferOnly } from "../tables/cost-table.ts";

/** Transfers that were counted with their jobs, of outputs that nothing has fetched, or only in part. The new catalogue finds these jobs as those of others, and counts them again. */
const countedAgain = `
SELECT coalesce(sum(coalesce((SELECT bytes FROM left_bytes WHERE left_bytes.number = archives.number), size_bytes)), 0) AS bytes
FROM archives WHERE number IN (
  SELECT number FROM jobs WHERE state IN (0, 1) AND number NOT IN (SELECT number FROM unpaid_transfers)
  UNION SELECT number FROM pending_requests
  UNION SELECT number FROM settled_requests
)`;

function bytesCountedAgain(old: CatalogDatabase): number {
  if (readPragma(old, "user_version") === 1) {
    // The file is read only.
    old.exec(marksOfVersion1("TEMP TABLE"));
  }
  return old.get<{ bytes: number }>(countedAgain)?.bytes ?? 0;
}

/** Counts what was paid for in the new catalogue as well, so that a cost cap holds. Returns false if a damaged file does not say it. */
export function carryCosts(from: string, catalog: Catalog): boolean {
  const paid = orNull(() => readPaid(from));
  if (paid === null) {
    return false;
  }
  catalog.change(() => {
    for (const [name, quantity] of paid.costs) {
      catalog.costs.add(name, quantity);
    }
    if (paid.again > 0) {
      catalog.costs.add(transferOnly, -paid.again);
    }
    if (paid.hour !== null) {
      catalog.facts.set("rescue-hour", paid.hour);
    }
  });
  return true;
}

function readPaid(from: string) {
  using old = new CatalogDatabase(from, { readOnly: true });
  return {
    costs: new CostTable(old).all(),
    // Where another table than that of the costs is damaged, a cap is reached too early, or an hour has too much.
    again: orNull(() => bytesCountedAgain(old)) ?? 0,
    hour: orNull(() => new FactTable(old).get("rescue-hour")),
  };
}

/** Null where the file is damaged. Throws other errors: a disk that fails, or a lock of another process, may pass. */
function orNull<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (!isDamage(error)) {
      throw error;
    }
    return null;
  }
}
