import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Finding } from "../../../../packages/server/src/verify/finding.ts";
import type { Random } from "../../random.ts";
import { arn, ids } from "../filled-folder.ts";
import type { Done, Kind } from "../seeded-damages.ts";

// Rows that were changed, added or deleted by hand while no server ran.

interface Edit {
  readonly sql: string;
  readonly named: () => Partial<Finding>;
}

const photos = () => ({ vault: arn("photos") });
const archives = [
  { where: "description = 'single'", archive: () => ids.single },
  { where: "description = 'in parts'", archive: () => ids.parts },
  { where: "description = 'other'", archive: () => ids.other },
];
const vaults = ["photos", "other"];

export const kindsOfRows: readonly Kind[] = [
  edited("a column of an archive", (random) => {
    const { where, archive } = chosen(archives, random);
    const change = chosen(
      [
        `tree_hash = randomblob(32)`,
        `size_bytes = size_bytes + ${random.whole(1, 1000)}`,
        `description = 'another ${random.whole(0, 999)}'`,
        `vault_id = (SELECT id FROM vaults WHERE name = 'locked')`,
        `vault_id = 'none'`,
        `id_tail = randomblob(length(id_tail))`,
        `deleted_at = ${random.whole(1, 1e12)}`,
      ],
      random,
    );
    const named = change.startsWith("id_tail") ? {} : { archive: archive() };
    return { sql: `UPDATE archives SET ${change} WHERE ${where}`, named: () => named };
  }),
  edited("a column of a segment", (random) => {
    const { where, archive } = chosen(archives, random);
    const change = chosen(
      [
        `tree_hash = randomblob(32)`,
        `size_bytes = size_bytes + ${random.whole(1, 1000)}`,
        `size_bytes = -1`,
        `first_byte = first_byte + 1048576`,
        `first_byte = NULL`,
        `state = 'deleted', deleted_at = 5`,
        `state = 'dead'`,
        `state = 'pending'`,
        `state = 'suspect'`,
        `deleted_at = 5`,
        `owner_head = randomblob(16)`,
        `owner_tail = randomblob(length(owner_tail))`,
      ],
      random,
    );
    const owned = `(SELECT id_head FROM archives WHERE ${where})`;
    const one = `(SELECT max(rowid) FROM segments WHERE owner_head = ${owned})`;
    return { sql: `UPDATE segments SET ${change} WHERE rowid = ${one}`, named: () => ({ archive: archive() }) };
  }),
  edited("a counter of a vault", (random) => {
    const vault = chosen(vaults, random);
    const column = chosen(["archive_count", "archive_bytes", "revision"], random);
    const change = column === "revision" ? "- 1" : chosen(["- 1", "+ 1", `+ ${random.whole(2, 1e9)}`], random);
    return {
      sql: `UPDATE vaults SET ${column} = ${column} ${change} WHERE name = '${vault}'`,
      named: () => ({ code: "vault-counters", vault: arn(vault) }),
    };
  }),
  edited("a name of a vault", (random) => {
    const [name, archive] = chosen([["photos", ids.single] as const, ["other", ids.other] as const], random);
    return {
      sql: `UPDATE vaults SET name = '${name}-${random.whole(0, 999)}' WHERE name = '${name}'`,
      named: () => ({ code: "segment-file", archive }),
    };
  }),
  edited("a column of a lock", (random) => {
    const removed = "lock_state = NULL, lock_policy = NULL, lock_id = NULL, lock_created_at = NULL";
    const change = chosen(
      [removed, `lock_id = 'lock-${random.whole(0, 999)}'`, "lock_state = 'in_progress', lock_expires_at = 5"],
      random,
    );
    return { sql: `UPDATE vaults SET ${change} WHERE name = 'locked'`, named: () => ({ code: "lock-lost" }) };
  }),
  edited("a lock made by hand", (random) => {
    const vault = chosen(vaults, random);
    const lock = `lock_state = 'locked', lock_policy = '{}', lock_id = 'x', lock_created_at = ${random.whole(1, 1e12)}`;
    return {
      sql: `UPDATE vaults SET ${lock} WHERE name = '${vault}'`,
      named: () => ({ code: "lock-unrecorded", vault: arn(vault) }),
    };
  }),
  edited("a missing archive", (random) => {
    const { where, archive } = chosen(archives, random);
    return { sql: `DELETE FROM archives WHERE ${where}`, named: () => ({ archive: archive() }) };
  }),
  edited("a missing segment", (random) => {
    const { where, archive } = chosen(archives, random);
    const owned = `(SELECT id_head FROM archives WHERE ${where})`;
    return {
      sql: `DELETE FROM segments WHERE rowid = (SELECT min(rowid) FROM segments WHERE owner_head = ${owned})`,
      named: () => ({ code: "archive-coverage", archive: archive() }),
    };
  }),
  edited("a missing vault", (random) => {
    const [vault, archive] = chosen([["photos", ids.parts] as const, ["other", ids.other] as const], random);
    return { sql: `DELETE FROM vaults WHERE name = '${vault}'`, named: () => ({ code: "archive-vault", archive }) };
  }),
  edited("an edited entry of the audit trail", (random) => {
    const change = chosen(
      [
        "time = time + 1",
        "principal = 'user/eve'",
        "operation = 'ListVaults'",
        "subject = coalesce(subject, '') || 'x'",
        "vault = coalesce(vault, '') || 'x'",
        "outcome = 'failed'",
        "request_id = 'x'",
        "hash = randomblob(32)",
      ],
      random,
    );
    return { sql: `UPDATE audit_entries SET ${change} WHERE seq = ${entry(random)}`, named: auditChain };
  }),
  // Nothing within a chain shows that its last entry was deleted.
  edited("a deleted entry of the audit trail", (random) => ({
    sql: `DELETE FROM audit_entries WHERE seq = ${entry(random)}`,
    named: auditChain,
  })),
  edited("an upload or a job", (random) =>
    chosen<Edit>(
      [
        {
          sql: "UPDATE uploads SET part_size_bytes = 4096 WHERE state = 'open'",
          named: () => ({ upload: ids.upload, ...photos() }),
        },
        {
          sql: "UPDATE uploads SET state = 'completed' WHERE state = 'open'",
          named: () => ({ code: "archive-lost", upload: ids.upload }),
        },
        { sql: "DELETE FROM uploads WHERE state = 'open'", named: () => ({ code: "segment-state" }) },
        { sql: "UPDATE jobs SET completed_at = NULL", named: () => ({ code: "job-state", job: ids.job }) },
        {
          sql: "UPDATE jobs SET output_size_bytes = output_size_bytes + 1",
          named: () => ({ code: "job-output", job: ids.job }),
        },
        { sql: "DELETE FROM jobs", named: () => ({ code: "segment-state" }) },
        { sql: "UPDATE trusted_time SET high_water = 5", named: () => ({ code: "trusted-time" }) },
        { sql: "DELETE FROM trusted_time", named: () => ({ code: "trusted-time" }) },
        { sql: "UPDATE access_keys SET id = 'AKIAANOTHER'", named: () => ({ code: "secrets" }) },
        { sql: "UPDATE data_keys SET wrapped = randomblob(60)", named: () => ({ code: "secrets" }) },
      ],
      random,
    ),
  ),
];

const auditChain = (): Partial<Finding> => ({ code: "audit-chain" });
/** Any but the last. */
const entry = (random: Random): string =>
  `(SELECT seq FROM audit_entries ORDER BY seq LIMIT 1 OFFSET (SELECT ${random.whole(0, 1e6)} % (count(*) - 1) FROM audit_entries))`;

function edited(name: string, edit: (random: Random) => Edit): Kind {
  return {
    name,
    folder: "stopped",
    async damage(path, random): Promise<Done> {
      const { sql, named } = edit(random);
      const database = new DatabaseSync(join(path, "moraine.db"));
      // Triggers and references would repair what is to be damaged.
      database.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
      assert.equal(database.prepare(sql).run().changes, 1, sql);
      database.close();
      return { what: sql, named: named() };
    },
  };
}

function chosen<Value>(values: readonly Value[], random: Random): Value {
  const value = random.oneOf(values);
  assert.ok(value !== undefined);
  return value;
}
