import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./server-process.ts";

export const alertsFile = join(repositoryRoot, "deploy/prometheus/alerts.yml");
export const dashboardFile = join(repositoryRoot, "deploy/grafana/moraine.json");

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string }[];
}

export function dashboardPanels(): readonly Panel[] {
  return JSON.parse(readFileSync(dashboardFile, "utf8")).panels;
}

/** The expressions of the dashboard, as Prometheus gets them. */
export function dashboardExpressions(): string[] {
  return dashboardPanels().flatMap(({ targets }) =>
    targets.map(({ expr }) => expr.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*")),
  );
}

/** The rules, with a line for each expression. */
export function alertRules(): { readonly name: string; readonly expression: string }[] {
  const text = readFileSync(alertsFile, "utf8").replace(
    />-\n((?: {10}.*\n)+)/g,
    (_, lines: string) => `${lines.replaceAll(/\s+/g, " ").trim()}\n`,
  );
  return [...text.matchAll(/- alert: (\w+)\n +expr: (.*)\n/g)].map(([, name = "", expression = ""]) => ({
    name,
    expression,
  }));
}

export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** The metrics that an expression selects, and the labels that it selects them by. */
export function selectorsOf(expression: string): Selector[] {
  return [...expression.matchAll(/\b((?:moraine|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, metric = "", given = ""]) => ({
      metric,
      labels: [...given.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label),
    }),
  );
}
