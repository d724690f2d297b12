import { Gauge, type Registry } from "prom-client";

interface LabelledGauge {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** Numbers by the label's values. */
  values(): Promise<Readonly<Record<string, number>>> | Readonly<Record<string, number>>;
}

/** Adds a gauge that asks for its number with each rendering. It is NaN when the number cannot be had: that must not hide the other metrics. */
export function addGauge(registry: Registry, name: string, help: string, value: () => Promise<number> | number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      this.set(await settled(value, Number.NaN));
    },
  });
}

/** Adds a gauge with one label. Only the values of this rendering are shown: an earlier number must not pass for a current one. */
export function addLabelledGauge(registry: Registry, { name, help, label, values }: LabelledGauge): void {
  new Gauge({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    async collect() {
      const numbers = await settled(values, {});
      this.reset();
      for (const [value, number] of Object.entries(numbers)) {
        this.labels(value).set(number);
      }
    },
  });
}

async function settled<Value>(ask: () => Promise<Value> | Value, otherwise: Value): Promise<Value> {
  try {
    return await ask();
  } catch {
    return otherwise;
  }
}
