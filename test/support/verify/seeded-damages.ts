import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import type { Random } from "../random.ts";
import { kindsOfDatabase } from "./kinds/database.ts";
import { kindsOfFiles } from "./kinds/files.ts";
import { kindsOfRows } from "./kinds/rows.ts";

/** A damage that was done, and the things that findings must name. */
export interface Done {
  /** The place and the change, for people. */
  readonly what: string;
  /** One finding at least has all of these. */
  readonly named: Partial<Finding>;
}

export interface Kind {
  readonly name: string;
  /** The folder that is damaged: of a server that was stopped in order, or killed. */
  readonly folder: "stopped" | "killed";
  /** Damages a copy of the folder at a place that the numbers choose. */
  damage(path: string, random: Random): Promise<Done>;
}

/** @param yesterday a copy of the database from before the last changes. */
export function kindsOf(yesterday: string): readonly Kind[] {
  return [
    ...kindsOfFiles,
    ...kindsOfRows,
    ...kindsOfDatabase,
    {
      name: "yesterday's copy of the database",
      folder: "stopped",
      async damage(path) {
        await copyFile(yesterday, join(path, "moraine.db"));
        return { what: "moraine.db", named: { code: "history-broken" } };
      },
    },
  ];
}
