import type { PostgresConnection } from "./postgres-connection.ts";

/** Settings that a server must have, and what it means otherwise. */
const required: Readonly<Record<string, { readonly values: readonly string[]; readonly otherwise: string }>> = {
  fsync: { values: ["on"], otherwise: "a power cut damages the database" },
  full_page_writes: { values: ["on"], otherwise: "a power cut damages pages that are being written" },
  synchronous_commit: {
    values: ["on", "remote_apply", "remote_write", "local"],
    otherwise: "changes are acknowledged before they are on any disk",
  },
};

/** The first version whose settings and functions are the ones that are used here. */
const versionMin = 130_000;

/** Warnings of a server that keeps what it acknowledges. */
export type DurabilityNotices = readonly string[];

/**
 * Rejects a server that would acknowledge what it does not keep, unless the operator wants it so.
 *
 * @param isInsecureAllowed for tests, whose data nobody needs.
 */
export async function checkDurability(
  connection: PostgresConnection,
  isInsecureAllowed: boolean,
): Promise<DurabilityNotices> {
  const names = [
    ...Object.keys(required),
    "data_checksums",
    "synchronous_standby_names",
    "server_version_num",
    "server_encoding",
  ];
  const { rows } = await connection.query("select name, setting from pg_settings where name = any($1)", [names]);
  const settings = new Map(rows.map((row) => [String(row["name"]), String(row["setting"])]));
  if (Number(settings.get("server_version_num")) < versionMin) {
    throw new Error("The database server is older than PostgreSQL 13");
  }
  if (settings.get("server_encoding") !== "UTF8") {
    throw new Error(
      `The database has the encoding ${settings.get("server_encoding")}: create it with the encoding UTF8`,
    );
  }
  const faults = Object.entries(required)
    .filter(([name, { values }]) => !values.includes(settings.get(name) ?? ""))
    .map(([name, { otherwise }]) => `${name} is ${settings.get(name)}: ${otherwise}`);
  if (faults.length > 0 && !isInsecureAllowed) {
    throw new Error(
      `The database server would lose what it acknowledges: ${faults.join("; ")}. Change its settings, or start with --insecure-durability`,
    );
  }
  return [...faults, ...noticesOf(settings)];
}

function noticesOf(settings: ReadonlyMap<string, string>): string[] {
  return [
    settings.get("data_checksums") === "on"
      ? []
      : ["the database server keeps no checksums of its pages (data_checksums): damage of its disk is found late"],
    settings.get("synchronous_standby_names") === ""
      ? ["the database server has no synchronous standby: what it acknowledged last is lost with its disk"]
      : [],
  ].flat();
}
