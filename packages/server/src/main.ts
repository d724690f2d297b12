import { isatty } from "node:tty";
import { setFlagsFromString } from "node:v8";
import closeWithGrace from "close-with-grace";
import { announce } from "./announce.ts";
import { compose, type Service } from "./compose/compose.ts";
import { type Config, readConfig, secretVariables, usage } from "./config.ts";
import { makeTemporaryFolder } from "./files/temporary-folder.ts";
import { packageVersion } from "./package-version.ts";
import { UsageError } from "./settings/given-settings.ts";
import { createLogger } from "./telemetry/log.ts";

const graceMilliseconds = 30_000;
const exitFailed = 1;
const exitUsage = 2;

// A limit of the command line is the main thread's: each worker thread would take it instead of its own, smaller one.
setFlagsFromString("--max-semi-space-size=0");

// Node would open its inspector, through which any user of the machine could read keys; also where no flag forbids it.
process.on("SIGUSR1", () => undefined);

const config = configOrExit();
const log = createLogger(config.logLevel);
let service: Service | undefined;

const graceOptions = {
  delay: graceMilliseconds + 5000,
  logger: false as const,
  skip: ["SIGHUP" as const, "SIGUSR2" as const],
  onSecondError: reportFailedStop,
};
const { close } = closeWithGrace(graceOptions, async ({ err: error, signal }) => {
  if (error !== undefined) {
    log.fatal({ err: error }, "stopping after a failure");
  } else {
    log.info({ signal }, "stopping");
  }
  await service?.stop(graceMilliseconds).catch((failure: unknown) => {
    reportFailedStop(failure);
    throw failure;
  });
});
const startedOnTerminal = isatty(0);
process.on("SIGHUP", () => void onHangUp());
process.on("SIGUSR2", () => service?.reopenLogs());

try {
  service = await compose(config, { log, onHalt });
  const warnings = service.warnings();
  const isProxied = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"].some((name) => process.env[name]);
  await announce(process.stdout, { ...config, ...service, isKeyGiven: config.rootKey !== null, warnings, isProxied });
  await service.keyShown();
} catch (error) {
  log.debug({ err: error }, "the server could not start");
  process.stderr.write(`moraine: ${(error as Error).message}\n`);
  process.exit(exitFailed);
}

/** A halted service has nothing left to lose by a restart, which its supervisor will give it: it ends as by any failure. */
function onHalt(error: Error): void {
  setImmediate(() => {
    throw error;
  });
}

/** Renewed certificates are taken. A terminal that closes sends the same signal: then there is nobody left to serve for. */
async function onHangUp(): Promise<void> {
  if (startedOnTerminal && !isatty(0)) {
    close();
    return;
  }
  try {
    await service?.reloadCertificate?.();
    log.info({ signal: "SIGHUP" }, config.tls === null ? "nothing to reload without TLS" : "certificate reloaded");
  } catch (error) {
    log.error({ err: error }, "the certificate could not be reloaded; new connections use the one before");
  }
}

/** Everything acknowledged is on the disk; but an operator must learn of a disk that fails. */
function reportFailedStop(error: unknown): void {
  log.fatal({ err: error }, "stopping has failed");
}

function configOrExit(): Config {
  try {
    const read = readConfig(process.argv.slice(2), process.env, process.cwd());
    if (read !== null) {
      // Neither a diagnostic report nor a thread needs them any more.
      for (const name of secretVariables) {
        delete process.env[name];
      }
      return read.isEphemeral ? { ...read, dataFolder: makeTemporaryFolder() } : read;
    }
    process.stdout.write(process.argv.includes("--version") ? `${packageVersion()}\n` : usage(process.stdout.columns));
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) {
      throw error;
    }
    process.stderr.write(`moraine: ${error.message}\nTry --help.\n`);
    process.exit(exitUsage);
  }
}
