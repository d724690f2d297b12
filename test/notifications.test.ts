import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Certificate, selfSigned } from "../packages/server/test/support/certificate.ts";
import {
  answerWith,
  holdBack,
  type Receiver,
  readEnvelope,
  snsAccepts,
  startReceiver,
} from "../packages/server/test/support/receiver.ts";
import { contentOf } from "./support/content.ts";
import { GlacierHttp } from "./support/glacier-http.ts";
import {
  accountId,
  region,
  runServer,
  type ServerProcess,
  sourcesCommand,
  startServer,
} from "./support/server-process.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

// The end of a job reaches those who asked for a message, whatever happens to the server in between.

const secret = "c4n4ry-of-the-webhook-that-nobody-may-see";
const snsSecret = "c4n4ryOfSnsThatNobodyMaySee0123456789ABC";
const hookTopic = `arn:aws:sns:${region}:${accountId}:hook`;
const snsTopic = `arn:aws:sns:${region}:${accountId}:published`;
const vault = "announced";

interface World extends AsyncDisposable {
  readonly folder: string;
  readonly tls: Certificate;
  readonly hook: Receiver;
  readonly sns: Receiver;
  serve(flags?: readonly string[]): Promise<ServerProcess>;
}

async function openWorld(): Promise<World> {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder()).path;
  const tls = await selfSigned(folder);
  const hook = stack.use(await startReceiver({ answer: answerWith(200), tls }));
  const sns = stack.use(await startReceiver({ answer: snsAccepts }));
  const webhooks = join(folder, "webhooks.json");
  const webhook = { url: `${hook.url}/glacier`, secret, allowPrivateAddresses: true, caFile: tls.certFile };
  await writeFile(webhooks, JSON.stringify({ [hookTopic]: webhook }), { mode: 0o600 });
  return {
    folder,
    tls,
    hook,
    sns,
    serve: (flags = []) =>
      startServer({
        dataFolder: join(folder, "data"),
        flags: ["--webhooks", webhooks, "--sns-endpoint", sns.url, ...flags],
        environment: {
          MORAINE_LOG_LEVEL: "trace",
          AWS_ACCESS_KEY_ID: "AKIASNS0000000000001",
          AWS_SECRET_ACCESS_KEY: snsSecret,
        },
      }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** A vault that announces on the webhook's topic, and a job of it that announces on the other: both once it has ended. */
async function endedJob(glacier: GlacierHttp): Promise<string> {
  await glacier.createVault(vault);
  const archiveId = await glacier.uploadArchive(vault, contentOf(5, 300_000), "announced");
  await glacier.demand({
    method: "PUT",
    path: `/-/vaults/${vault}/notification-configuration`,
    body: Buffer.from(JSON.stringify({ SNSTopic: hookTopic, Events: ["ArchiveRetrievalCompleted"] })),
  });
  const retrieval = { Type: "archive-retrieval", ArchiveId: archiveId, SNSTopic: snsTopic };
  const jobId = await glacier.initiateJob(vault, retrieval);
  await glacier.jobSucceeded(vault, jobId);
  return jobId;
}

async function arrived(receiver: Receiver, count: number): Promise<void> {
  for (const end = performance.now() + 20_000; receiver.requests.length < count; await sleep(10)) {
    assert.ok(performance.now() < end, `${receiver.requests.length} of ${count} messages have arrived`);
  }
}

const interruptions: Readonly<
  Record<string, { before(world: World): Promise<void>; after(world: World): Promise<void> }>
> = {
  "while the endpoints had the message and had not answered": {
    async before({ hook, sns }) {
      hook.answer = holdBack;
      sns.answer = holdBack;
    },
    async after({ hook, sns }) {
      hook.answer = answerWith(200);
      sns.answer = snsAccepts;
    },
  },
  "while the endpoints answered with errors": {
    async before({ hook, sns }) {
      hook.answer = answerWith(503);
      sns.answer = answerWith(500);
    },
    async after({ hook, sns }) {
      hook.answer = answerWith(200);
      sns.answer = snsAccepts;
    },
  },
};

for (const [when, { before, after }] of Object.entries(interruptions)) {
  test(`a job's end reaches a webhook and an SNS endpoint after the server was killed ${when}`, async () => {
    await using world = await openWorld();
    const { hook, sns } = world;
    await before(world);
    await using first = await world.serve();
    const glacier = new GlacierHttp(first.url);
    const jobId = await endedJob(glacier);
    await arrived(hook, 1);
    await arrived(sns, 1);
    glacier.close();
    const killed = await first.kill();
    await after(world);
    const [hookBefore, snsBefore] = [hook.requests.length, sns.requests.length];

    await using second = await world.serve();
    await arrived(hook, hookBefore + 1);
    await arrived(sns, snsBefore + 1);
    const again = new GlacierHttp(second.url);
    const described = (await again.demand({ method: "GET", path: `/-/vaults/${vault}/jobs/${jobId}` })).body.toString();
    again.close();
    const envelopes = hook.requests.map((request) => readEnvelope(request, secret));
    for (const { MessageId, TopicArn, Message } of envelopes) {
      assert.deepEqual(
        { MessageId, TopicArn, Message },
        { MessageId: envelopes[0]?.["MessageId"], TopicArn: hookTopic, Message: described },
      );
    }
    for (const { body } of sns.requests) {
      const form = new URLSearchParams(body);
      assert.equal(form.get("TopicArn"), snsTopic);
      assert.equal(form.get("Message"), described);
    }
    // An acknowledged message is not sent again.
    const [hookEnd, snsEnd] = [hook.requests.length, sns.requests.length];
    const stopped = await second.stop();
    await using third = await world.serve();
    await sleep(300);
    await third.stop();
    assert.deepEqual([hook.requests.length, sns.requests.length], [hookEnd, snsEnd]);

    assert.match(stopped.stderr, /"msg":"message delivered"/);
    for (const { stdout, stderr } of [killed, stopped]) {
      assert.ok(!stdout.includes("c4n4ry") && !stderr.includes("c4n4ry"), "no secret is told");
    }
  });
}

test("a job's end reaches endpoints that were down while the server was killed", async () => {
  await using world = await openWorld();
  const { hook, sns, tls } = world;
  await Promise.all([hook.stop(), sns.stop()]);
  await using first = await world.serve();
  const glacier = new GlacierHttp(first.url);
  const jobId = await endedJob(glacier);
  glacier.close();
  await first.kill();
  await using hookAgain = await startReceiver({ answer: answerWith(200), tls, port: hook.port });
  await using snsAgain = await startReceiver({ answer: snsAccepts, port: sns.port });
  await using second = await world.serve();
  await arrived(hookAgain, 1);
  await arrived(snsAgain, 1);
  for (const message of [
    readEnvelope(hookAgain.requests[0] ?? assert.fail(), secret)["Message"],
    new URLSearchParams(snsAgain.requests[0]?.body).get("Message"),
  ]) {
    assert.equal(JSON.parse(message ?? "").JobId, jobId);
  }
  await second.stop();
});

test("messages are counted among the metrics, and those that lead nowhere count as failed", async () => {
  await using folder = await temporaryFolder();
  await using server = await startServer({ dataFolder: folder.path });
  const glacier = new GlacierHttp(server.url);
  await endedJob(glacier);
  glacier.close();
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  for (
    const end = performance.now() + 10_000;
    !/^moraine_notifications\{state="failed"\} 2$/m.test(await metrics());
  ) {
    assert.ok(performance.now() < end, await metrics());
    await sleep(20);
  }
  assert.match(await metrics(), /^moraine_notifications\{state="pending"\} 0$/m);
  assert.match(await metrics(), /^moraine_notification_attempts_total\{outcome="failed"\} 2$/m);
  const { stderr } = await server.stop();
  assert.match(stderr, /"reason":"no endpoint is configured for this topic","msg":"message not delivered"/);
});

test("the modules that send messages are not loaded until a message needs them", async () => {
  await using world = await openWorld();
  const loaded = join(world.folder, "loaded.mjs");
  await writeFile(
    loaded,
    `import { registerHooks } from "node:module";
     import { isMainThread } from "node:worker_threads";
     if (isMainThread) registerHooks({ load(url, context, next) {
       const name = /node_modules\\/(undici|@aws-sdk\\/client-sns)\\//.exec(url)?.[1];
       if (name !== undefined) process.stderr.write("loaded " + name + "\\n");
       return next(url, context);
     } });`,
  );
  // In the packed program they have other names.
  const server = { environment: { NODE_OPTIONS: `--import=${loaded}` }, command: sourcesCommand };
  await using without = await startServer({ ...server, dataFolder: join(world.folder, "other") });
  const glacier = new GlacierHttp(without.url);
  await endedJob(glacier);
  glacier.close();
  const { stderr } = await without.stop();
  assert.doesNotMatch(stderr, /^loaded /m);

  const webhooks = join(world.folder, "webhooks.json");
  const flags = ["--webhooks", webhooks];
  await using withHook = await startServer({ ...server, dataFolder: join(world.folder, "third"), flags });
  const again = new GlacierHttp(withHook.url);
  await endedJob(again);
  again.close();
  await arrived(world.hook, 1);
  const ending = await withHook.stop();
  assert.match(ending.stderr, /^loaded undici$/m);
  assert.doesNotMatch(ending.stderr, /^loaded @aws-sdk/m);
});

test("settings that lead nowhere safe are refused in one line, which tells no secret", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "webhooks.json");
  const start = async (flags: readonly string[], content: string) => {
    await writeFile(file, content, { mode: 0o600 });
    return runServer(["--data", join(folder.path, "data"), "--listen", "127.0.0.1:0", ...flags]);
  };
  const plain = JSON.stringify({ [hookTopic]: { url: "http://127.0.0.1/", secret } });
  for (const [flags, content, code, reason] of [
    [["--webhooks", file], plain, 1, /^moraine: .*webhooks\.json: .*url: must be an https URL/],
    [["--webhooks", file], `{ "secret": "${secret}" `, 1, /^moraine: .*webhooks\.json is not JSON$/m],
    [["--webhooks", join(folder.path, "none.json")], "", 1, /^moraine: ENOENT.*none\.json/],
    [["--sns-endpoint", "http://sns.example/"], "", 2, /^moraine: --sns-endpoint: must be an https URL/],
    [["--sns-endpoint", "http://10.0.0.1/"], "", 2, /^moraine: --sns-endpoint/],
    [["--sns-endpoint", "https://me:secret@sns.example/"], "", 2, /^moraine: --sns-endpoint/],
    [["--sns-endpoint", "sns.example"], "", 2, /^moraine: --sns-endpoint/],
  ] as const) {
    const ending = await start(flags, content);
    assert.equal(ending.code, code, ending.stderr);
    assert.match(ending.stderr, reason);
    assert.ok(!ending.stderr.includes("c4n4ry"), ending.stderr);
  }
});
