/** A PostgreSQL database that several hosts may serve, one of them for writing. */
export interface DatabaseUrl {
  /** A URL for each host, in the order in which they are tried. */
  readonly hosts: readonly string[];
  /** As operators call it: without user, password and settings. */
  readonly name: string;
}

/** User and password, hosts with their ports, the database, the settings. */
const pattern = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)\/([^/?#]+)(?:\?([^#]*))?$/;

/**
 * Parses `postgres://user@host1,host2:5433/database?setting=…`. Whatever its hosts are, one that can be written is looked for, which
 * is what `target_session_attrs=read-write` asks for. Throws RangeError, without the password.
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const [, user = "", hosts = "", database = "", query = ""] = pattern.exec(text) ?? [];
  const names = hosts.split(",");
  const settings = new URLSearchParams(query);
  const target = settings.get("target_session_attrs");
  if (database === "" || names.some((host) => host === "")) {
    throw new RangeError("expected postgres://USER@HOST[,HOST…]/DATABASE");
  }
  if (target !== null && target !== "read-write" && target !== "primary") {
    throw new RangeError(`target_session_attrs=${target} would find servers that store nothing: expected read-write`);
  }
  settings.delete("target_session_attrs");
  const end = `${database}${settings.size > 0 ? `?${settings}` : ""}`;
  const credentials = user === "" ? "" : `${user}@`;
  const urls = names.map((host) => `postgres://${credentials}${host}/${end}`);
  if (!urls.every((url) => URL.canParse(url))) {
    throw new RangeError("expected hosts with numbers as ports, and a user and a password in which %40 stands for @");
  }
  return { hosts: urls, name: `postgres://${hosts}/${database}` };
}
