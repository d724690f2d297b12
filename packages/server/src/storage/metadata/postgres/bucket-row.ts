import type { BoundStore } from "../../bucket-binding.ts";
import type { PostgresConnection } from "./postgres-connection.ts";

/** Reads and writes which bucket the database's archives are in: at a start, and each time on a connection of its own. */
export function bucketRow(connect: () => Promise<PostgresConnection>): BoundStore["bindings"] {
  return {
    async read() {
      const connection = await connect();
      const { rows } = await connection
        .query("select binding_id, place, is_bound from bound_bucket")
        .finally(() => connection.close());
      const [row] = rows;
      return row === undefined
        ? null
        : { id: String(row["binding_id"]), place: String(row["place"]), isBound: row["is_bound"] === true };
    },
    async write({ id, place, isBound }) {
      const connection = await connect();
      // The first node decides for all.
      await connection
        .query(
          `insert into bound_bucket (id, binding_id, place, is_bound) values (1, $1, $2, $3)
            on conflict (id) do update set is_bound = excluded.is_bound
            where bound_bucket.binding_id = excluded.binding_id`,
          [id, place, isBound],
        )
        .finally(() => connection.close());
    },
  };
}
