/** A metric as a page or a scrape shows it. */
export interface ShownMetric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** Reads Prometheus's text format: the metrics by name, with the labels of their samples; null for a metric without samples. */
export function metricsOf(text: string): Map<string, { type: string; labels: readonly string[] | null }> {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
  const labels = new Map<string, Set<string>>();
  for (const [, sample = "", given = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const name = types.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, "");
    const seen = labels.get(name) ?? new Set();
    labels.set(name, seen);
    for (const [, label = ""] of given.matchAll(/(?:^|,)(\w+)="/g)) {
      if (label !== "le") {
        seen.add(label);
      }
    }
  }
  return new Map(
    [...types].map(([name, type]) => {
      const seen = labels.get(name);
      return [name, { type, labels: seen === undefined ? null : inOrder(seen) }];
    }),
  );
}

export function inOrder(names: Iterable<string>): string[] {
  return [...names].sort((one, other) => (one < other ? -1 : 1));
}

/** The value of one sample, as it is written; undefined when there is none. */
export function sampleOf(text: string, sample: string): number | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}
