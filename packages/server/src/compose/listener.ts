import { systemNow } from "../clock/clocks.ts";
import type { Config } from "../config.ts";
import type { Place } from "../domain/place.ts";
import { connectionsMax, httpLimits } from "../http/connections/limits.ts";
import { createListener, type Listener } from "../http/connections/listener.ts";
import { closeListener, listen } from "../http/connections/listening.ts";
import { createOperatorListener } from "../http/connections/operator-listener.ts";
import { readCertificate } from "../http/connections/tls.ts";

/** Takes the port. Until `serve` is called, every response says that the service is starting. */
export async function openListener(config: Config, started: AsyncDisposableStack) {
  const { tls, listen: place, trustedProxies, connectionsPerAddressMax, metrics } = config;
  const certificate = tls && (await readCertificate(tls));
  const limits = { ...httpLimits, connectionsMax: connectionsMax(), connectionsPerAddressMax };
  const listener = createListener({
    limits,
    trustedProxies,
    servesMetrics: metrics === "with-api",
    certificate,
    systemNow,
  });
  const url = await listen(listener.server, { ...place, isTls: tls !== null });
  started.defer(() => closeListener(listener, 0));
  const metricsUrl = typeof metrics === "string" ? null : await openOperatorListener(listener, metrics, started);
  const reloadCertificate = tls && (async () => listener.replaceCertificate(await readCertificate(tls)));
  return { ...listener, atDoor: { url, metricsUrl, reloadCertificate } };
}

async function openOperatorListener({ pages }: Listener, place: Place, started: AsyncDisposableStack): Promise<string> {
  const server = createOperatorListener(pages);
  const url = await listen(server, { ...place, isTls: false });
  started.defer(() => closeListener({ server }, 0));
  return url;
}
