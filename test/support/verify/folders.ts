import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GlacierHttp } from "../glacier-http.ts";
import { startServer } from "../server-process.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { fill } from "./filled-folder.ts";

export interface Folders extends AsyncDisposable {
  /** The folder of a server that has ended in order. */
  readonly stopped: string;
  /** The same before that end, as after a kill. */
  readonly killed: string;
  /** The database as a copy for a backup has it, made by an earlier run. */
  readonly yesterday: string;
}

/** Folders that a server has filled. They have no ballast, which would be copied with them each time. */
export async function filledFolders(parent?: string): Promise<Folders> {
  const folder = await temporaryFolder(parent);
  const data = join(folder.path, "data");
  const [stopped, killed, yesterday] = ["stopped", "killed", "yesterday.db"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  const flags = ["--inventory-delay", "0"];
  await using first = await startServer({ dataFolder: data, flags });
  const database = new DatabaseSync(join(data, "moraine.db"), { readOnly: true });
  database.prepare("VACUUM INTO ?").run(yesterday);
  database.close();
  await first.stop();
  await using server = await startServer({ dataFolder: data, flags });
  const http = new GlacierHttp(server.url);
  try {
    await fill(http);
  } finally {
    http.close();
  }
  await copyOf(data, killed, (path) => !path.endsWith("-shm"));
  await server.stop();
  await copyOf(data, stopped);
  return { stopped, killed, yesterday, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

export async function copyOf(from: string, to: string, isCopied = (_path: string) => true): Promise<void> {
  const filter = (path: string) => !path.endsWith("ballast") && isCopied(path);
  await cp(from, to, { recursive: true, preserveTimestamps: true, filter });
}
