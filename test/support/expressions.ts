import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./server-process.ts";

export const alertsFile = join(repositoryRoot, "deploy/prometheus/alerts.yml");
export const dashboardFile = join(repositoryRoot, "deploy/grafana/moraine.json");

interface DataSource {
  readonly type: string;
  readonly uid: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource: DataSource;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly refId: string; readonly datasource: DataSource }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly datasource?: DataSource }[];
  };
  readonly panels: readonly Panel[];
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(dashboardFile, "utf8"));
}

/** The expressions of the dashboard, as Prometheus gets them. */
export function dashboardExpressions(): string[] {
  return dashboard().panels.flatMap(({ targets }) =>
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
