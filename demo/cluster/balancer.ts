import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const startMillisecondsMax = 10_000;
const pollMilliseconds = 50;

interface BalancerOptions {
  /** For its configuration and its process id. */
  readonly folder: string;
  readonly port: number;
  /** URLs of the nodes. */
  readonly nodes: readonly string[];
}

/** A balancer that runs until it is disposed of. */
export interface Balancer extends AsyncDisposable {
  readonly url: string;
}

/** Starts nginx before the nodes, and resolves when it leads to one that is ready. Rejects with its own message when it ends before. */
export async function startBalancer(options: BalancerOptions): Promise<Balancer> {
  const { folder, port } = options;
  const file = join(folder, "nginx.conf");
  await writeFile(file, configurationOf(options));
  const child = spawn("nginx", ["-p", folder, "-c", file, "-e", "stderr"], { stdio: ["ignore", "ignore", "pipe"] });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = `${errors}${text}`.slice(-2000);
  });
  let hasEnded = false;
  const ended = once(child, "close").finally(() => {
    hasEnded = true;
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  const end = performance.now() + startMillisecondsMax;
  while (!(await isReady(url))) {
    if (hasEnded || performance.now() > end) {
      await stop();
      throw new Error(`nginx does not start: ${errors.trim()}`);
    }
    await sleep(pollMilliseconds);
  }
  return { url, [Symbol.asyncDispose]: stop };
}

/** As deploy/nginx/moraine.conf, without TLS. */
const configurationOf = ({ folder, port, nodes }: BalancerOptions): string => `
daemon off;
pid ${folder}/nginx.pid;
worker_processes 1;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-bodies;
  upstream nodes {
${nodes.map((url) => `    server ${new URL(url).host} max_fails=1 fail_timeout=1s;`).join("\n")}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    location / {
      proxy_pass http://nodes;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_read_timeout 300s;
      proxy_send_timeout 300s;
    }
  }
}
`;

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health/ready`)).ok;
  } catch {
    return false;
  }
}
