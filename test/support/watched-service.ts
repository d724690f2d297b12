import { join } from "node:path";
import { asRoot, Shell, ShellHere } from "./command.ts";
import { GlacierHttp } from "./glacier-http.ts";
import { region, startServer } from "./server-process.ts";
import { memoryFolder, temporaryFolder } from "./temporary-folder.ts";
import { WatchingProxy } from "./watching-proxy.ts";

export type WatchedService = Awaited<ReturnType<typeof startWatchedService>>;

/**
 * Starts a server, a proxy that sees and may change what passes, and shells whose commands go through it: `shell` in processes of their own,
 * `here` in this one, whose environment is set for that.
 */
export async function startWatchedService(flags: readonly string[] = []) {
  await using started = new AsyncDisposableStack();
  const folder = started.use(await temporaryFolder(memoryFolder));
  const server = started.use(await startServer({ dataFolder: join(folder.path, "data"), flags }));
  const http = new GlacierHttp(server.url);
  started.defer(() => http.close());
  const proxy = started.use(await WatchingProxy.start(server.url));
  const environment = { AWS_ENDPOINT_URL_GLACIER: proxy.url, AWS_REGION: region, XDG_STATE_HOME: folder.path };
  Object.assign(process.env, environment, asRoot);
  const shell = new Shell(folder.path, environment);
  const here = new ShellHere(folder.path);
  const parts = started.move();
  return { folder, http, proxy, shell, here, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}
