import { readFile, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { crashStatesBugs, diskStatesBugs, ioCallsBugs, racesBugs, recordedDiskBugs } from "./planted/bugs.ts";

// Writes the figures of a run of the rigs into docs/reliability.md: npm run --silent rigs > figures && npm run rigs:table < figures

/** A line of a run. */
interface Line {
  readonly rig: string;
  readonly states?: number | Readonly<Record<string, number>>;
  readonly fileSystem?: string;
  readonly points?: number;
  readonly damages?: number;
  readonly calls?: number;
  readonly unit: { readonly count?: number };
  readonly violations?: readonly unknown[];
  readonly findings?: readonly unknown[];
  readonly seconds: number;
}

interface Row {
  readonly what: string;
  readonly rig: string;
  counted(line: Line): number;
  readonly planted: number;
}

const statesOf = (kind: string) => (line: Line) => (typeof line.states === "object" ? (line.states[kind] ?? 0) : 0);

const rows: readonly Row[] = [
  {
    what: "folders that a kill leaves",
    rig: "disk-states",
    counted: statesOf("kill"),
    planted: diskStatesBugs.filter(({ kind }) => kind === "kill").length,
  },
  {
    what: "folders that a power cut leaves",
    rig: "disk-states",
    counted: statesOf("power cut"),
    planted: diskStatesBugs.filter(({ kind }) => kind === "power cut").length,
  },
  ...(["ext4", "xfs", "btrfs"] as const).map((name) => ({
    what: `disks that a power cut leaves, ${name}`,
    rig: "recorded-disk",
    counted: ({ fileSystem, states }: Line) => (fileSystem === name ? Number(states) : 0),
    planted: recordedDiskBugs.filter(({ fileSystem }) => fileSystem === name).length,
  })),
  {
    what: "states of a simulated disk after a power cut",
    rig: "crash-states",
    counted: ({ states }) => Number(states),
    planted: crashStatesBugs.length,
  },
  {
    what: "calls to the system that fail once",
    rig: "io-calls",
    counted: ({ points = 0 }) => points,
    planted: ioCallsBugs.length,
  },
  { what: "damages", rig: "damages", counted: ({ damages = 0 }) => damages, planted: 0 },
  { what: "races", rig: "races", counted: ({ unit }) => unit.count ?? 0, planted: racesBugs.length },
];

const page = new URL("../../docs/reliability.md", import.meta.url);
const [begin, end] = ["<!-- figures: npm run rigs:table -->", "<!-- end of figures -->"];

const lines = (await text(process.stdin))
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line) as Line);
const before = await readFile(page, "utf8");
const [head = "", rest = ""] = before.split(begin);
await writeFile(page, `${head}${begin}\n\n${table()}\n\n${end}${rest.split(end)[1] ?? "\n"}`);

function table(): string {
  const cells = rows.map(({ what, rig, counted, planted }) => {
    const own = lines.filter((line) => line.rig === rig);
    const sum = (value: (line: Line) => number) => own.reduce((total, line) => total + value(line), 0);
    const wrong = sum(({ violations = [], findings = [] }) => violations.length + findings.length);
    return [what, `\`${rig}\``, sum(counted).toLocaleString("en"), String(wrong), String(planted)];
  });
  const heading = ["what", "rig", "count", "wrong", "planted bugs caught"];
  return [heading, heading.map(() => "---"), ...cells].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
