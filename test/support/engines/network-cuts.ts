import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";

// Packets between a node and an engine that are lost, as a broken network loses them: nobody is notified. In a network namespace, so that the
// machine's own network keeps its rules.

const run = promisify(execFile);

/** Which packets are lost. */
export type Way = "both ways" | "to the engine" | "from the engine";

export interface Cut {
  readonly node: number;
  /** The port on which the engine listens. */
  readonly port: number;
  readonly way: Way;
}

const table = "inet moraine_test";
/** Nodes keep their user, and are distinguished by their group: it marks their connections, in both directions. */
const firstGroup = 42_000;

/** Suits `skip` of a test: false, or the reason why this machine cannot cut networks. */
export function missingNetwork(): string | false {
  if (process.getuid?.() !== 0) {
    return "networks are cut by root alone";
  }
  try {
    execFileSync("unshare", ["--net", "sh", "-ec", "ip link set lo up; nft list ruleset; setpriv --version"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return false;
  } catch (error) {
    return `no network of its own (${String((error as Error).message).trim()}); run test/engines/install-engines.sh network`;
  }
}

/** Words before the command of a node. */
export const asNode = (node: number): string[] => ["setpriv", `--regid=${firstGroup + node}`, "--keep-groups"];

/** Call it before the first node starts. */
export async function prepareNetwork(nodeCount: number): Promise<void> {
  await run("ip", ["link", "set", "lo", "up"]);
  const marks = Array.from(
    { length: nodeCount },
    (_, node) => `meta skgid ${firstGroup + node} ct mark set ${node + 1}`,
  );
  await nft(`table ${table} {
    chain marks {
      type filter hook output priority mangle
      ${marks.join("\n")}
    }
    chain cuts {
      type filter hook input priority filter
    }
  }`);
}

/** Where packets arrive: a sender would be notified of those that are dropped where they leave. */
export async function cutNetwork(cuts: readonly Cut[]): Promise<void> {
  const rules = cuts.flatMap(({ node, port, way }) => {
    const ports = { "to the engine": ["dport"], "from the engine": ["sport"], "both ways": ["dport", "sport"] }[way];
    return ports.map((each) => `add rule ${table} cuts ct mark ${node + 1} tcp ${each} ${port} drop`);
  });
  await nft(rules.join("\n"));
}

export async function healNetwork(): Promise<void> {
  await nft(`flush chain ${table} cuts`);
}

async function nft(commands: string): Promise<void> {
  const running = run("nft", ["-f", "-"]);
  running.child.stdin?.end(`${commands}\n`);
  await running;
}
