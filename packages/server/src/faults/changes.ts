import { sleep } from "../clock/sleep.ts";
import type { FaultMode } from "../domain/faults/fault.ts";
import { invariant } from "../domain/invariant.ts";
import { ClientGoneError } from "../http/body/request-body.ts";
import type { AuthorizedRequest } from "../http/perform.ts";
import type { Reply } from "../http/wire/encode.ts";
import type { Services } from "../operations/context.ts";
import { brokenAfter, bytesOf, corrupted, slowed } from "./bodies.ts";
import type { FaultContext } from "./fault-registry.ts";
import type { Random } from "./random.ts";

/** A request and its response. */
export interface Exchange {
  readonly reply: Reply;
  readonly services: Services;
  readonly authorized: AuthorizedRequest;
}

/** Makes another response of it, once `fires` says so; null where the fault has no place, or does not fire. */
type Change = (exchange: Exchange, chance: FaultContext) => Reply | null | Promise<Reply | null>;

const checksumHeader = "x-amz-sha256-tree-hash";

export const changes: Partial<Readonly<Record<FaultMode, Change>>> = {
  "slow-body": ({ reply }, { rule, fires }) => {
    const body = bytesOf(reply);
    invariant(rule.bytesPerSecond !== null, "a slow body has its rate");
    return body !== null && fires() ? withBody(reply, body.sizeBytes, slowed(body.stream, rule.bytesPerSecond)) : null;
  },

  delay: async ({ reply, authorized }, { rule, fires }) => {
    invariant(rule.milliseconds !== null, "a delay has its time");
    if (!fires()) {
      return null;
    }
    if (!(await waited(authorized.incoming, rule.milliseconds))) {
      await bytesOf(reply)?.stream.return();
      throw new ClientGoneError("The client went away during a delay that a fault rule asks for");
    }
    return reply;
  },

  "corrupt-byte": ({ reply }, { random, fires }) => {
    const body = bytesOf(reply);
    return body !== null && fires()
      ? withBody(reply, body.sizeBytes, corrupted(body.stream, body.sizeBytes, random))
      : null;
  },

  reset: async ({ reply, authorized }, { rule, fires }) => {
    const body = bytesOf(reply);
    invariant(rule.bytes !== null, "a reset has its place");
    const end = (): never => {
      authorized.incoming.resetConnection();
      throw new ClientGoneError("The connection was reset, as a fault rule asks");
    };
    if (rule.bytes === 0 && fires()) {
      await body?.stream.return();
      end();
    }
    // A body that ends before the place would be whole: the fault has nothing to break.
    return rule.bytes > 0 && body !== null && body.sizeBytes > rule.bytes && fires()
      ? withBody(reply, body.sizeBytes, brokenAfter(body.stream, rule.bytes, end))
      : null;
  },

  "wrong-checksum": ({ reply }, { random, fires }) =>
    reply.headers[checksumHeader] !== undefined && fires() ? withChecksum(reply, randomHash(random)) : null,

  "whole-checksum": async ({ reply, services, authorized }, { fires }) => {
    const whole = await wholeTreeHash(services, authorized);
    return whole !== null && reply.headers[checksumHeader] !== whole && fires() ? withChecksum(reply, whole) : null;
  },
};

/** Resolves to false as soon as the client goes away. */
async function waited({ onClientGone }: AuthorizedRequest["incoming"], milliseconds: number): Promise<boolean> {
  const gone = new AbortController();
  onClientGone(() => gone.abort());
  return sleep(milliseconds, gone.signal);
}

const withBody = (reply: Reply, sizeBytes: number, stream: ReturnType<typeof slowed>): Reply => ({
  ...reply,
  body: { sizeBytes, stream },
});

const withChecksum = (reply: Reply, hash: string): Reply => ({
  ...reply,
  headers: { ...reply.headers, [checksumHeader]: hash },
});

const randomHash = (random: Random): string =>
  Array.from({ length: 64 }, () => Math.floor(random() * 16).toString(16)).join("");

/** The tree hash of the entire archive that a job retrieves, or of which it retrieves a part. */
async function wholeTreeHash(
  { metadata, trustedClock, outputMilliseconds }: Services,
  { route, vault }: AuthorizedRequest,
): Promise<string | null> {
  const { jobId = "" } = route.path;
  const completedSince = trustedClock.expiryNow() - outputMilliseconds;
  const job = vault && (await metadata.findJob({ vaultId: vault.id, jobId, completedSince }));
  return job?.action === "ArchiveRetrieval" ? job.archiveTreeHash : null;
}
