import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemNow } from "../../../packages/server/src/clock/clocks.ts";
import { webhookNotifier } from "../../../packages/server/src/notify/webhook.ts";
import { readWebhooks } from "../../../packages/server/src/notify/webhooks-file.ts";
import { selfSigned } from "../../../packages/server/test/support/certificate.ts";
import { readEnvelope, startReceiver } from "../../../packages/server/test/support/receiver.ts";
import { GlacierHttp } from "../../support/glacier-http.ts";
import type { Call, History } from "../../support/history/calls.ts";
import { spansOf } from "../../support/history/operations.ts";
import { accountId, region } from "../../support/server-process.ts";
import type { Place, Recovery, Surroundings } from "./surroundings.ts";

export const webhookTopic = `arn:aws:sns:${region}:${accountId}:webhook`;
const secret = "secret of the rigs' webhook";
const announcedMillisecondsMax = 10_000;
const announced: ReadonlySet<Call["op"]> = new Set(["InitiateJob", "ReadArchive", "ListArchives"]);

/** A message that a webhook has received. */
interface Receipt {
  readonly jobId: string;
  /** The length of the rig's trace then: what the server did after the response is beyond it. */
  readonly traceBytes: number;
}

/** A webhook for the messages of jobs. A job that was acknowledged must be announced, at least once. */
export async function withWebhook({ folder, traceBytes }: Place): Promise<Surroundings> {
  const tls = await selfSigned(folder);
  const receipts: Receipt[] = [];
  const receiver = await startReceiver({
    tls,
    answer(response, request) {
      const jobId = String(JSON.parse(readEnvelope(request, secret)["Message"] ?? "").JobId);
      receipts.push({ jobId, traceBytes: traceBytes() });
      response.writeHead(200).end();
    },
  });
  const file = join(folder, "webhooks.json");
  const webhook = { url: receiver.url, secret, allowPrivateAddresses: true, caFile: tls.certFile };
  await writeFile(file, JSON.stringify({ [webhookTopic]: webhook }), { mode: 0o600 });
  const notifier = webhookNotifier({ webhooks: await readWebhooks(file), systemNow });
  return {
    flags: ["--webhooks", file],
    async recover(left): Promise<Recovery> {
      const now = receipts.length;
      const isAnnounced = ({ jobId }: StartedJob) =>
        receipts.some(({ jobId: id, traceBytes: at }, index) => id === jobId && (index >= now || at < left.traceBytes));
      return { notifier, whileServing: (history, url) => neverAnnounced(jobsOf(history), url, isAnnounced) };
    },
    [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose](),
  };
}

interface StartedJob {
  readonly vault: string;
  readonly jobId: string;
}

async function neverAnnounced(
  jobs: readonly StartedJob[],
  url: string,
  isAnnounced: (job: StartedJob) => boolean,
): Promise<string[]> {
  const http = new GlacierHttp(url);
  const end = performance.now() + announcedMillisecondsMax;
  let missing = jobs.filter((job) => !isAnnounced(job));
  while (missing.length > 0 && performance.now() < end) {
    const isOver = await isAtRest(http, missing);
    missing = missing.filter((job) => !isAnnounced(job));
    if (isOver) {
      break;
    }
    await sleep(5);
  }
  http.close();
  return missing.map(({ jobId }) => `job ${jobId} was acknowledged, and never announced`);
}

/** Whether all have ended, and no message waits any more. */
async function isAtRest(http: GlacierHttp, jobs: readonly StartedJob[]): Promise<boolean> {
  for (const { vault, jobId } of jobs) {
    if ((await http.describeJob(vault, jobId)).StatusCode === "InProgress") {
      return false;
    }
  }
  const { Notifications } = (await http.admin("GET", "/notifications")) as { Notifications: unknown[] };
  return Notifications.length === 0;
}

/** Jobs that were acknowledged, and started after the vault's topic was. */
function jobsOf(history: History): StartedJob[] {
  const spans = spansOf(history);
  const isConfigured = (vault: string, at: number) =>
    spans.some(
      ({ call, ended }) =>
        call.op === "SetVaultNotifications" && call.vault === vault && ended?.outcome.kind === "ok" && ended.at < at,
    );
  return spans.flatMap(({ call, begin, ended }) =>
    announced.has(call.op) && "vault" in call && ended?.outcome.kind === "ok" && isConfigured(call.vault, begin)
      ? [{ vault: call.vault, jobId: ended.outcome.answer.jobId ?? "" }]
      : [],
  );
}
