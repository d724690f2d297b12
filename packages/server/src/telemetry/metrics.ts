import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** Where the present values come from that are asked for when somebody looks. */
export interface MetricsSources {
  isReady(): boolean;
  /** Messages by state. */
  countNotifications(): Promise<Readonly<Record<string, number>>>;
}

/** What operators can watch, in the text format of Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: "moraine_request_seconds",
    help: "Time from a request's headers to the end of its answer",
    labelNames: ["operation", "status"],
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    registers: [this.#registry],
  });
  readonly #jobs = new Counter({
    name: "moraine_jobs_total",
    help: "Jobs that ended",
    labelNames: ["action", "state"],
    registers: [this.#registry],
  });
  readonly #deliveries = new Counter({
    name: "moraine_notification_attempts_total",
    help: "Attempts to deliver a message, by what the message came to: delivered, pending (to be tried again) or failed",
    labelNames: ["outcome"],
    registers: [this.#registry],
  });

  constructor({ isReady, countNotifications }: MetricsSources) {
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: "moraine_ready",
      help: "1 while the service is ready, 0 otherwise",
      registers: [this.#registry],
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
    new Gauge({
      name: "moraine_notifications",
      help: "Messages that have not arrived, by state",
      labelNames: ["state"],
      registers: [this.#registry],
      async collect() {
        // A store that cannot be asked must not hide everything else.
        const counts = await countNotifications().catch(() => ({}));
        for (const [state, count] of Object.entries(counts)) {
          this.labels(state).set(count);
        }
      },
    });
  }

  request(operation: string, status: number, seconds: number): void {
    this.#requests.labels(operation, String(status)).observe(seconds);
  }

  job(action: string, state: string): void {
    this.#jobs.labels(action, state).inc();
  }

  deliveryAttempt(outcome: string): void {
    this.#deliveries.labels(outcome).inc();
  }

  async text(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
