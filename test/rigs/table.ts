import { readFile, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Unit } from "./unit.ts";

// Writes the figures of a run of the rigs into docs/reliability.md: npm run --silent rigs > figures && npm run rigs:table < figures,
// and those of the long run: npm run rigs:table -- --long < test/rigs/long-run.jsonl

/** A line of a run. */
interface Line {
  readonly rig: string;
  readonly states?: number | Readonly<Record<string, number>>;
  readonly fileSystem?: string;
  readonly points?: number;
  readonly damages?: number;
  readonly calls?: number;
  readonly flips?: Readonly<Record<string, number>>;
  readonly unit: { readonly count?: number };
  /** The unit that has noticed a planted bug. */
  readonly shownBy?: Unit;
  readonly seen?: string | null;
  readonly violations?: readonly unknown[];
  readonly findings?: readonly unknown[];
  readonly seconds: number;
}

interface Row {
  readonly what: string;
  readonly rig: string;
  counted(line: Line): number;
  /** Whether a unit of the rig belongs to this row. @default each does */
  has?(unit: Unit): boolean;
}

const statesOf = (kind: string) => (line: Line) => (typeof line.states === "object" ? (line.states[kind] ?? 0) : 0);

const rows: readonly Row[] = [
  {
    what: "folders that a kill leaves",
    rig: "disk-states",
    counted: statesOf("kill"),
    has: (unit) => "kinds" in unit && unit.kinds?.includes("kill") === true,
  },
  {
    what: "folders that a power cut leaves",
    rig: "disk-states",
    counted: statesOf("power cut"),
    has: (unit) => "kinds" in unit && unit.kinds?.includes("power cut") === true,
  },
  ...(["ext4", "xfs", "btrfs"] as const).map((name) => ({
    what: `disks that a power cut leaves, ${name}`,
    rig: "recorded-disk",
    counted: ({ fileSystem, states }: Line) => (fileSystem === name ? Number(states) : 0),
    has: (unit: Unit) => "fileSystem" in unit && unit.fileSystem === name,
  })),
  {
    what: "states of a simulated disk after a power cut",
    rig: "crash-states",
    counted: ({ states }) => Number(states),
  },
  {
    what: "calls to the system that fail once",
    rig: "io-calls",
    counted: ({ points = 0 }) => points,
  },
  { what: "damages", rig: "damages", counted: ({ damages = 0 }) => damages },
  { what: "calls in hostile places", rig: "places", counted: ({ calls = 0 }) => calls },
  {
    what: "flipped bits of the database",
    rig: "flips",
    counted: ({ flips = {} }) => Object.values(flips).reduce((sum, each) => sum + each, 0),
  },
  { what: "races", rig: "races", counted: ({ unit }) => unit.count ?? 0 },
];

const page = new URL("../../docs/reliability.md", import.meta.url);
const isLong = process.argv.includes("--long");
const begin = `<!-- figures: npm run rigs:table${isLong ? " -- --long" : ""} -->`;
const end = "<!-- end of figures -->";

const lines = (await text(process.stdin))
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line) as Line);
const before = await readFile(page, "utf8");
const from = before.indexOf(begin) + begin.length;
const to = before.indexOf(end, from);
await writeFile(page, `${before.slice(0, from)}\n\n${table()}\n\n${before.slice(to)}`);

function table(): string {
  const cells = rows.map(({ what, rig, counted, has = () => true }) => {
    const own = lines.filter((line) => line.rig === rig);
    const sum = (value: (line: Line) => number) => own.reduce((total, line) => total + value(line), 0);
    const wrong = sum(({ violations = [], findings = [] }) => violations.length + findings.length);
    const caught = lines.filter(({ shownBy, seen }) => shownBy?.rig === rig && has(shownBy) && seen !== null);
    const cells = [what, `\`${rig}\``, sum(counted).toLocaleString("en"), String(wrong)];
    return isLong ? cells : [...cells, String(caught.length)];
  });
  const heading = ["what", "rig", "count", "wrong", ...(isLong ? [] : ["planted bugs caught"])];
  return [heading, heading.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
