import type { ArchiveRow } from "../../storage/metadata/tables/schema.ts";
import type { Finding } from "../finding.ts";
import { arnOfRow } from "../vault-arn.ts";
import type { Verification } from "../verification.ts";

const pageRows = 1000;

interface VaultRow {
  readonly id: string;
  readonly account_id: string;
  readonly region: string;
  readonly name: string;
  readonly archive_count: number;
  readonly archive_bytes: number;
  readonly revision: number;
  readonly inventory_revision: number | null;
  readonly inventory_archive_count: number | null;
  readonly inventory_archive_bytes: number | null;
}

/** Counts each vault's archives again. */
export async function checkVaults(verification: Verification): Promise<void> {
  for await (const page of verification.pages<Pick<VaultRow, "id">>({ table: "vaults", columns: "id", pageRows })) {
    for (const { id } of page) {
      await verification.confirmed(() => findingsOf(verification, id));
      verification.totals.vaults += 1;
      await verification.step();
    }
  }
}

async function findingsOf(verification: Verification, id: string): Promise<Finding[]> {
  const vault = await findVault(verification, id);
  if (vault === undefined) {
    return [];
  }
  const { archive_count: count, archive_bytes: bytes, revision, inventory_revision: inventoryRevision } = vault;
  const found = await contentsOf(verification, vault);
  // A change while they were counted has made a later one.
  const newestPossible = Math.max(revision, (await findVault(verification, id))?.revision ?? Number.MAX_SAFE_INTEGER);
  const isCounted = found.count === count && found.bytes === bytes;
  const messages = [
    ...(isCounted
      ? inventoryMessages(vault, found)
      : [`it counts ${count} archives of ${bytes} bytes, but holds ${found.count} of ${found.bytes} bytes`]),
    ...(found.newest > newestPossible
      ? [`it is of revision ${revision}, but an archive was changed in revision ${found.newest}`]
      : []),
    ...((inventoryRevision ?? 0) > revision
      ? [`its inventory is of revision ${inventoryRevision}, later than ${revision}`]
      : []),
  ];
  const arn = arnOfRow(vault);
  return messages.map((message) => ({
    code: "vault-counters",
    message: `the vault's counters are wrong: ${message}`,
    vault: arn,
  }));
}

async function findVault({ rows }: Verification, id: string): Promise<VaultRow | undefined> {
  const [vault] = await rows.select(
    `SELECT id, account_id, region, name, archive_count, archive_bytes, revision, inventory_revision,
       inventory_archive_count, inventory_archive_bytes FROM vaults WHERE id = $1`,
    [id],
  );
  return vault as unknown as VaultRow | undefined;
}

/**
 * The rows of archives that were deleted before the last change may have left the list, so that a list of an earlier revision can
 * only be too long.
 */
function inventoryMessages(vault: VaultRow, { inventoried }: Contents): string[] {
  const {
    revision,
    inventory_revision: inventory,
    inventory_archive_count: count,
    inventory_archive_bytes: bytes,
  } = vault;
  if (inventory === null || inventory > revision) {
    return [];
  }
  const isRight =
    inventory === revision
      ? inventoried.count === count && inventoried.bytes === bytes
      : inventoried.count <= Number(count) && inventoried.bytes <= Number(bytes);
  return isRight
    ? []
    : [
        `its inventory of revision ${inventory} counts ${count} archives of ${bytes} bytes, but there were ${inventoried.count} of ${inventoried.bytes} bytes`,
      ];
}

interface Contents {
  readonly count: number;
  readonly bytes: number;
  readonly newest: number;
  /** Archives of the last inventory. */
  readonly inventoried: { readonly count: number; readonly bytes: number };
}

/**
 * The archives that lived in the revision of the row: in pages, however many they are, since each says in which revisions it
 * lived.
 */
async function contentsOf(
  verification: Verification,
  { id, revision, inventory_revision: inventory }: VaultRow,
): Promise<Contents> {
  const page = `SELECT created_at, id_head, size_bytes, created_revision, deleted_revision FROM archives
    WHERE vault_id = $1 AND listed = 1 AND (created_at, id_head) > ($2, $3) ORDER BY created_at, id_head LIMIT ${pageRows}`;
  const found = { count: 0, bytes: 0, newest: 0, inventoried: { count: 0, bytes: 0 } };
  let at: readonly [number, Uint8Array] = [Number.MIN_SAFE_INTEGER, new Uint8Array()];
  for (;;) {
    const rows = (await verification.rows.select(page, [id, ...at])) as unknown as LivedRow[];
    count(found, rows, revision);
    count(found.inventoried, rows, inventory ?? -1);
    found.newest = rows.reduce(
      (newest, row) => Math.max(newest, row.created_revision, row.deleted_revision ?? 0),
      found.newest,
    );
    const last = rows.at(-1);
    if (last === undefined) {
      return found;
    }
    at = [last.created_at, last.id_head];
    await verification.step();
  }
}

type LivedRow = Pick<ArchiveRow, "created_at" | "id_head" | "size_bytes" | "created_revision" | "deleted_revision">;

function count(totals: { count: number; bytes: number }, rows: readonly LivedRow[], revision: number): void {
  const living = rows.filter((row) => livedIn(row, revision));
  totals.count += living.length;
  totals.bytes += living.reduce((sum, { size_bytes: bytes }) => sum + bytes, 0);
}

const livedIn = ({ created_revision: created, deleted_revision: deleted }: LivedRow, revision: number): boolean =>
  created <= revision && (deleted === null || deleted > revision);
