import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { within } from "../test/support/server-process.ts";

/** A server that ours is compared with, over the files of a folder. */
export interface ReferenceServer {
  readonly port: number;
  stop(): Promise<void>;
}

const startMilliseconds = 10_000;

export async function startBareServer(folder: string): Promise<ReferenceServer> {
  const script = fileURLToPath(import.meta.resolve("./bare-server.ts"));
  const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const printed = once(child.stdout.setEncoding("utf8"), "data");
    const [port] = await within(startMilliseconds, printed, "the bare server does not start");
    return { port: Number(port), stop: () => stop(child) };
  } catch (error) {
    await stop(child);
    throw error;
  }
}

/** Null where nginx is not installed. */
export async function startNginx(folder: string): Promise<ReferenceServer | null> {
  const port = await freePort();
  const own = join(folder, "nginx");
  await mkdir(own);
  await writeFile(join(own, "nginx.conf"), configuration(own, folder, port));
  const child = spawn("nginx", ["-p", own, "-c", join(own, "nginx.conf"), "-e", join(own, "errors")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const failed = once(child, "error").then(([error]: unknown[]) => error as NodeJS.ErrnoException);
  const state = await Promise.race([failed, listening(child, port)]);
  if (state instanceof Error) {
    if (state.code === "ENOENT") {
      return null;
    }
    throw state;
  }
  return { port, stop: () => stop(child) };
}

/** One process in the foreground, of the user who runs this, with everything it writes in its own folder. */
function configuration(own: string, root: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${own}/${name};`,
  );
  return `daemon off;
master_process off;
pid ${own}/pid;
error_log ${own}/errors;
events {}
http {
  access_log off;
  sendfile on;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    root ${root};
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** It prints nothing when it is ready, so it is asked. */
async function listening(child: ChildProcess, port: number): Promise<"listening"> {
  for (let attempt = 0; attempt < 100 && child.exitCode === null; attempt += 1) {
    const socket = connect(port, "127.0.0.1");
    const connected = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (connected) {
      return "listening";
    }
    await sleep(50);
  }
  await stop(child);
  throw new Error("nginx is installed but does not start");
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill();
    await once(child, "exit");
  }
}
