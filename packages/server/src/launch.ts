import { constants, setPriority } from "node:os";
import { fileURLToPath } from "node:url";

/**
 * Bounds on Node's and glibc's memory, and threads for the disk; `npm start` gives the same. A process cannot set them for
 * itself: docs/decisions/0027, docs/decisions/0007.
 */
const flags = ["--disable-sigusr1", "--max-semi-space-size=4", "--heap-growing-percent=30", "--no-parallel-scavenge"];
const settings = { GLIBC_TUNABLES: "glibc.malloc.hugetlb=1", MALLOC_ARENA_MAX: "2", UV_THREADPOOL_SIZE: "8" };

/** Programs of this package, from here: as sources, and in the package, whose files lie in one folder. */
const programs = {
  serve: { source: "./main.ts", bundled: "./main.js" },
  verify: { source: "./verify/main.ts", bundled: "./verify.js" },
  backup: { source: "./backup/main.ts", bundled: "./backup.js" },
  restore: { source: "./restore/main.ts", bundled: "./restore.js" },
  repair: { source: "./repair/main.ts", bundled: "./repair.js" },
  copy: { source: "./copy/main.ts", bundled: "./copy.js" },
} as const;

export type ProgramName = keyof typeof programs;

/**
 * Replaces this process by a program, the server for one, which keeps its id, its streams and its place below a supervisor. Throws where the system
 * has no such call (Windows).
 *
 * @param args flags of the program.
 */
export function launch(name: ProgramName, args: readonly string[], environment: Readonly<NodeJS.ProcessEnv>): never {
  const isSource = import.meta.url.endsWith(".ts");
  const { source, bundled } = programs[name];
  const program = fileURLToPath(new URL(isSource ? source : bundled, import.meta.url));
  const conditions = isSource ? ["--conditions=@moraine/source"] : [];
  const command = [process.execPath, ...flags, ...conditions, program, ...args];
  if (name === "backup") {
    // A server next to it comes first. All threads of the program inherit this, which they could not set for each other.
    setPriority(constants.priority.PRIORITY_LOW);
  }
  // A setting of the user's own counts.
  process.execve?.(process.execPath, command, { ...settings, ...environment });
  throw new Error(`moraine ${name} needs a system where one program can replace another: Linux or macOS`);
}
