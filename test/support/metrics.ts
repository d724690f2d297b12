import { setTimeout as sleep } from "node:timers/promises";

/** The server renders its metrics at most once a second. */
const renderMilliseconds = 1000;

/** The metrics as they are now, and not as somebody saw them a moment ago. */
export async function freshMetrics(url: string): Promise<string> {
  await sleep(renderMilliseconds);
  return (await fetch(`${url}/metrics`)).text();
}
