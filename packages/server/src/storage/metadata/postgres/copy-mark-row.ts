import { type CopyMark, refusalOf } from "../../copy-mark.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

// The mark of a copy in a database: docs/decisions/0072.

interface Queried {
  query(sql: string): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
}

/** Null when there is none. @param lock keeps others from changing it until the transaction ends. */
export async function readCopyMarkRow(connection: Queried, lock = false): Promise<CopyMark | null> {
  const { rows } = await connection.query(
    `select copy_id, state, other, marked_at, is_filled from copy_mark where id = 1${lock ? " for update" : ""}`,
  );
  const [row] = rows;
  return row === undefined
    ? null
    : {
        copyId: String(row["copy_id"]),
        state: row["state"] === "moved" ? "moved" : "incomplete",
        other: String(row["other"]),
        at: Number(row["marked_at"]),
        isFilled: row["is_filled"] === true,
      };
}

export async function writeCopyMarkRow(connection: PostgresConnection, mark: CopyMark): Promise<void> {
  await connection.query(
    `insert into copy_mark (id, copy_id, state, other, marked_at, is_filled) values (1, $1, $2, $3, $4, $5)
      on conflict (id) do update set copy_id = excluded.copy_id, state = excluded.state, other = excluded.other,
        marked_at = excluded.marked_at, is_filled = excluded.is_filled`,
    [mark.copyId, mark.state, mark.other, mark.at, mark.isFilled],
  );
}

export async function removeCopyMarkRow(connection: PostgresConnection): Promise<void> {
  await connection.query("delete from copy_mark");
}

/** Rejects when a copy keeps nodes away. In a transaction that holds the turn, so that no copy begins meanwhile. */
export async function assertNoCopy(connection: PostgresConnection, name: string): Promise<void> {
  const mark = await readCopyMarkRow(connection);
  if (mark !== null) {
    throw new Error(refusalOf(mark, `The database ${name}`, "the row of its table copy_mark"));
  }
}
