import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { UsageError } from "../../exit-codes.ts";
import type { RescueSnapshot } from "../rescue-event.ts";
import type { Work } from "../work.ts";

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Parses `HOST:PORT`, `:PORT` or `[::1]:PORT`; null for anything else. Without a host it is this machine alone. */
export function metricsAddress(text: string): MetricsAddress | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:.]+)\]|([^:\s]*)):([0-9]{1,5})$/i.exec(text) ?? [];
  return port === undefined || Number(port) > 65_535
    ? null
    : { host: bracketed ?? (plain || "127.0.0.1"), port: Number(port) };
}

/** Whether only programs of this machine can reach the address. */
export const isLoopback = ({ host }: MetricsAddress): boolean =>
  host === "localhost" || host === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(host);

export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
}

/** Serves the newest snapshot at `/metrics` in Prometheus' text format. Throws UsageError if it cannot listen. */
export async function serveMetrics(
  { host, port }: MetricsAddress,
  vaultName: string,
  snapshot: () => RescueSnapshot,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const isAsked = request.method === "GET" && request.url?.split("?")[0] === "/metrics";
    response.writeHead(isAsked ? 200 : 404, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
    response.end(isAsked ? metricsText(vaultName, snapshot()) : "See /metrics\n");
  });
  server.requestTimeout = 10_000;
  server.maxConnections = 20;
  server.listen(port, host);
  await once(server, "listening").catch((cause: Error) => {
    throw new UsageError(`cannot listen on ${host}:${port}: ${cause.message}`, { cause });
  });
  server.unref();
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${listening}/metrics`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export function metricsText(vaultName: string, snapshot: RescueSnapshot): string {
  const { jobs, spentUsd, secondsLeft, waiting } = snapshot;
  const states: readonly (readonly [string, Work])[] = [
    ["selected", snapshot.selected],
    ["verified", snapshot.verified],
    ["failed", snapshot.failed],
    ["requested", snapshot.requested],
  ];
  const label = `vault="${vaultName}"`;
  return [
    ...metric(
      "archives",
      "gauge",
      "Archives by state.",
      states.map(([state, { archives }]) => [`${label},state="${state}"`, archives]),
    ),
    ...metric(
      "bytes",
      "gauge",
      "Bytes of archives by state.",
      states.map(([state, { bytes }]) => [`${label},state="${state}"`, bytes]),
    ),
    ...metric("jobs_ready", "gauge", "Jobs whose output can be fetched.", [[label, snapshot.readyJobs]]),
    ...metric(
      "jobs_total",
      "counter",
      "Jobs of this run.",
      Object.entries(jobs).map(([kind, count]) => [`${label},kind="${kind}"`, count]),
    ),
    ...metric("received_bytes_total", "counter", "Bytes received by this run.", [[label, snapshot.receivedBytes]]),
    ...metric(
      "seconds_left",
      "gauge",
      "Estimated time of fetching left.",
      secondsLeft === null ? [] : [[label, secondsLeft]],
    ),
    ...metric("cost_usd", "gauge", "Cost so far at most, in US dollars.", spentUsd === null ? [] : [[label, spentUsd]]),
    ...metric(
      "waiting",
      "gauge",
      "1 for the reason for which nothing is requested.",
      waiting === null ? [] : [[`${label},reason="${waiting}"`, 1]],
    ),
    "",
  ].join("\n");
}

function metric(
  name: string,
  type: "gauge" | "counter",
  help: string,
  values: readonly (readonly [labels: string, value: number])[],
): string[] {
  const full = `moraine_rescue_${name}`;
  return values.length === 0
    ? []
    : [
        `# HELP ${full} ${help}`,
        `# TYPE ${full} ${type}`,
        ...values.map(([labels, value]) => `${full}{${labels}} ${value}`),
      ];
}
