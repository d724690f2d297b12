import { type AdminOperationName, adminOperations } from "@moraine/protocol";
import { FaultRegistry } from "../../src/faults/fault-registry.ts";
import {
  allow,
  callAdmin,
  credentialsOf,
  demand,
  makeAccount,
  makeUser,
  otherAccountId,
  policy,
} from "../support/admin.ts";
import {
  arn,
  completeRequest,
  contentHeaders,
  createVault,
  mebibyte,
  partRequest,
  randomContent,
} from "../support/glacier.ts";
import { accountId, dayMilliseconds, hourMilliseconds } from "../support/server.ts";
import type { WireAnswer } from "../support/signed-request.ts";
import { invocationId, type KeptVault, vault } from "./kept-vault.ts";

/** A way that there might be to remove or change what a vault holds. */
export interface Attempt {
  readonly what: string;
  /** Whether every response must be a refusal. */
  readonly refused: boolean;
  make(kept: KeptVault): Promise<readonly WireAnswer[] | undefined>;
}

const year = 365 * dayMilliseconds;
const refused = (what: string, make: Attempt["make"]): Attempt => ({ what, refused: true, make });
/** May succeed at what it does, and must still change no archive. */
const harmless = (what: string, make: (kept: KeptVault) => Promise<unknown>): Attempt => ({
  what,
  refused: false,
  make: async (kept) => {
    await make(kept);
    return undefined;
  },
});
/** Does something, and then deletes what it can; only the deletions must be refused. */
const thenDelete = (what: string, prepare: (kept: KeptVault) => Promise<unknown>): Attempt =>
  refused(what, async (kept) => {
    await prepare(kept);
    return [...(await kept.deleteAll()), await kept.onVault("DELETE")];
  });
const everyone = (effect: "Allow" | "Deny") =>
  policy({ ...allow("glacier:*", arn(vault), { Principal: "*" }), Effect: effect });

const operations: readonly Attempt[] = [
  refused("DeleteArchive", (kept) => kept.deleteAll()),
  refused("DeleteArchive, by the account's number", (kept) =>
    Promise.all(
      [...kept.archives.keys()].map((id) => kept.send("DELETE", `/${accountId}/vaults/${vault}/archives/${id}`)),
    ),
  ),
  refused("DeleteArchive of one archive, many times at once", (kept) => {
    const [id] = kept.archives.keys();
    return Promise.all(Array.from({ length: 30 }, () => kept.onVault("DELETE", `/archives/${id}`)));
  }),
  refused("DeleteArchive through another vault, which nothing protects", async (kept) => {
    await createVault(kept.server, "open");
    return Promise.all([...kept.archives.keys()].map((id) => kept.send("DELETE", `/-/vaults/open/archives/${id}`)));
  }),
  refused("DeleteVault", async (kept) => [await kept.onVault("DELETE")]),
  refused("AbortVaultLock", async (kept) => [await kept.onVault("DELETE", "/lock-policy")]),
  refused("InitiateVaultLock again, with a policy that allows all", async (kept) => [
    await kept.onVault("POST", "/lock-policy", { Policy: everyone("Allow") }),
  ]),
  refused("CompleteVaultLock with other ids", async (kept) => [
    await kept.onVault("POST", `/lock-policy/${"x".repeat(24)}`),
    await kept.onVault("POST", "/lock-policy/-"),
  ]),
  harmless("CreateVault again", (kept) => kept.send("PUT", `/-/vaults/${vault}`)),
  thenDelete("SetVaultAccessPolicy that allows everyone all", (kept) =>
    kept.onVault("PUT", "/access-policy", { Policy: everyone("Allow") }),
  ),
  thenDelete("DeleteVaultAccessPolicy", (kept) => kept.onVault("DELETE", "/access-policy")),
  thenDelete("tags that come, change and go", async (kept) => {
    await kept.onVault("POST", "/tags?operation=add", { Tags: { LegalHold: "false" } });
    await kept.onVault("POST", "/tags?operation=add", { Tags: { LegalHold: "" } });
    await kept.onVault("POST", "/tags?operation=remove", { TagKeys: ["LegalHold"] });
  }),
  harmless("notifications that come and go", async (kept) => {
    const body = { SNSTopic: `arn:aws:sns:us-east-1:${accountId}:t`, Events: ["InventoryRetrievalCompleted"] };
    await kept.onVault("PUT", "/notification-configuration", body);
    await kept.onVault("DELETE", "/notification-configuration");
  }),
  harmless("a data retrieval policy that lets nothing be retrieved, and back", async (kept) => {
    const set = (rule: object) => kept.send("PUT", "/-/policies/data-retrieval", { Policy: { Rules: [rule] } });
    await set({ Strategy: "BytesPerHour", BytesPerHour: 1 });
    await kept.assertUnchanged();
    await set({ Strategy: "None" });
  }),
];

const uploads: readonly Attempt[] = [
  refused("a part again, after its upload was completed", async (kept) => {
    const other = randomContent(mebibyte);
    return [await kept.server.client.send(partRequest(vault, kept.uploadId, 0, other))];
  }),
  refused("AbortMultipartUpload of a completed upload", async (kept) => [
    await kept.onVault("DELETE", `/multipart-uploads/${kept.uploadId}`),
  ]),
  refused("CompleteMultipartUpload again, with another hash or size", async (kept) => {
    const { client } = kept.server;
    const shorter = kept.parts.subarray(0, mebibyte);
    const other = randomContent(kept.parts.length);
    return [
      await client.send(completeRequest(vault, kept.uploadId, shorter)),
      await client.send(completeRequest(vault, kept.uploadId, other)),
    ];
  }),
  harmless("CompleteMultipartUpload again, as it was", (kept) =>
    kept.server.client.send(completeRequest(vault, kept.uploadId, kept.parts)),
  ),
  harmless("UploadArchive in the name of an earlier call, with other content", async (kept) => {
    for (const body of [randomContent(10), randomContent(10)]) {
      const headers = { ...contentHeaders(body), "amz-sdk-invocation-id": invocationId };
      await kept.onVault("POST", "/archives", undefined, { headers, body });
    }
  }),
  harmless("uploads that are begun, and expire or are aborted with their parts", async (kept) => {
    for (const end of ["aborted", "expired"]) {
      const headers = { "x-amz-part-size": String(mebibyte) };
      const initiated = await kept.onVault("POST", "/multipart-uploads", undefined, { headers });
      const uploadId = String(initiated.headers["x-amz-multipart-upload-id"]);
      await kept.server.client.send(partRequest(vault, uploadId, 0, randomContent(100)));
      await kept.server.client.send(partRequest(vault, uploadId, 0, randomContent(100)));
      if (end === "aborted") {
        await kept.onVault("DELETE", `/multipart-uploads/${uploadId}`);
      }
    }
    await kept.upkeep(3 * dayMilliseconds);
  }),
];

const identities: readonly Attempt[] = [
  refused("a user who may do everything", async (kept) => {
    const key = await makeUser(kept.server, "mighty", [allow("*")]);
    const own = { body: JSON.stringify({ Policy: everyone("Allow") }), key };
    return [
      ...(await kept.deleteAll({ key })),
      await kept.onVault("DELETE", "", undefined, { key }),
      await kept.onVault("DELETE", "/lock-policy", undefined, { key }),
      await kept.onVault("POST", "/lock-policy", undefined, own),
    ];
  }),
  refused("a session of a user who may do everything", async (kept) => {
    await makeUser(kept.server, "brief", [allow("*")]);
    const made = await demand<{ AccessKeyId: string; SecretAccessKey: string; SessionToken: string }>(
      kept.server,
      "CreateSession",
      { members: { userName: "brief" }, body: {} },
    );
    return kept.deleteAll({
      key: { ...credentialsOf({ ...made, UserName: "brief" }), sessionToken: made.SessionToken },
    });
  }),
  thenDelete("users that go, with their keys and policies", async ({ server }) => {
    const userName = "passing";
    const { accessKeyId } = await makeUser(server, userName, [allow("*")]);
    await demand(server, "UpdateAccessKey", { members: { accessKeyId, userName }, body: { Status: "Inactive" } });
    await demand(server, "DeleteUserPolicy", { members: { userName, policyName: "granted" } });
    await demand(server, "DeleteAccessKey", { members: { accessKeyId, userName } });
    await demand(server, "DeleteUser", { members: { userName } });
  }),
  thenDelete("a new key of the root, which takes the old one's place", async ({ server }) => {
    const made = credentialsOf(await demand(server, "CreateAccessKey", {}));
    const old = { accessKeyId: server.key.accessKeyId };
    await demand(server, "UpdateAccessKey", { members: old, body: { Status: "Inactive" }, key: made });
    await demand(server, "UpdateAccessKey", { members: old, body: { Status: "Active" }, key: made });
    await demand(server, "DeleteAccessKey", { members: { accessKeyId: made.accessKeyId } });
  }),
  refused("another account, which an access policy lets in", async (kept) => {
    const key = await makeAccount(kept.server);
    await kept.onVault("PUT", "/access-policy", { Policy: everyone("Allow") });
    const path = `/${accountId}/vaults/${vault}`;
    const ids = [...kept.archives.keys()];
    const answers = [
      ...(await Promise.all(ids.map((id) => kept.send("DELETE", `${path}/archives/${id}`, undefined, { key })))),
      await kept.send("DELETE", path, undefined, { key }),
    ];
    await kept.onVault("DELETE", "/access-policy");
    return answers;
  }),
  harmless("another account's vault of the same name, that comes and goes", async (kept) => {
    const key = await makeAccount(kept.server, "888888888888");
    for (const method of ["PUT", "DELETE"]) {
      await kept.onVault(method, "", undefined, { key });
    }
    await demand(kept.server, "DeleteAccount", { members: { accountId: "888888888888" } });
  }),
  refused("DeleteAccount", async ({ server }) => [
    await callAdmin(server, "DeleteAccount", { members: { accountId } }),
  ]),
  refused("ResetService, on a server that allows faults", async (kept) => {
    const log = { put: () => undefined, removed: () => undefined, fired: () => undefined };
    await kept.restart(0, { faults: new FaultRegistry(1, log) });
    const answers = [await callAdmin(kept.server, "ResetService")];
    await kept.restart(0);
    return answers;
  }),
  harmless("every operation of the admin API, one after the other", async (kept) => {
    const members = {
      userName: "nobody",
      policyName: "p",
      accountId: otherAccountId,
      accessKeyId: "AKIANOBODY0000000000",
    };
    for (const name of Object.keys(adminOperations) as AdminOperationName[]) {
      await callAdmin(kept.server, name, { members, body: adminOperations[name].request === "json" ? {} : undefined });
    }
  }),
];

const time: readonly Attempt[] = [
  ...(
    [
      ["an hour", hourMilliseconds],
      ["25 hours, past every window of a lock, an upload or a job", 25 * hourMilliseconds],
      ["91 days", 91 * dayMilliseconds],
      ["ten years", 10 * year],
    ] as const
  ).map(([name, moved]) => thenDelete(`the clock moved by ${name}, and upkeep`, (kept) => kept.upkeep(moved))),
  thenDelete("the clock moved by AdvanceClock", async (kept) => {
    await demand(kept.server, "AdvanceClock", { body: { Seconds: 2 * 365 * 86_400 } });
  }),
  thenDelete("a restart", (kept) => kept.restart(0)),
  thenDelete("a restart of a service that was away for a week less a second", (kept) =>
    kept.restart(7 * dayMilliseconds - 1000),
  ),
  thenDelete("a restart with the clock ten years on", (kept) => kept.restart(10 * year)),
  thenDelete("a restart with the clock twenty years back, and upkeep", async (kept) => {
    await kept.restart(-20 * year);
    await kept.upkeep(hourMilliseconds);
  }),
  thenDelete("a restart in the other profile, with its inventories", async (kept) => {
    await kept.restart(0, { profile: "aws" });
    await kept.upkeep(2 * dayMilliseconds);
    await kept.restart(0);
  }),
];

const copies: readonly Attempt[] = [
  harmless("a second server on a copy, where all of this is tried as well", async (kept) => {
    await using copy = await kept.copy();
    const answers = [
      ...(await copy.deleteAll()),
      await copy.onVault("DELETE"),
      await copy.onVault("DELETE", "/lock-policy"),
    ];
    if (answers.some(({ status }) => status < 400)) {
      throw new Error("The copy of a locked vault is not locked");
    }
    await copy.upkeep(10 * year);
    await copy.assertUnchanged();
  }),
];

/** All the ways that anybody has thought of, in an order in which none gets in another's way. */
export const attempts: readonly Attempt[] = [...operations, ...uploads, ...identities, ...time, ...copies];
