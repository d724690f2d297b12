import type { AuditAnchor } from "@moraine/protocol";
import type { MetadataStore } from "../domain/stores/metadata-store.ts";
import type { SignHead } from "./anchors.ts";
import { openLogTarget } from "./log-target.ts";
import { isUrl } from "./settings.ts";

const postMilliseconds = 10_000;

/** Brings an anchor to where the server's own administrators cannot change it any more. */
type SendAnchor = (anchor: AuditAnchor) => Promise<void>;

/** @param target a file that gets one line for each anchor, or a URL that each is posted to. */
export function anchorSender(target: string): SendAnchor {
  if (isUrl(target)) {
    return (anchor) => post(target, anchor);
  }
  const file = openLogTarget(target);
  return async (anchor) => {
    await file.append(`${JSON.stringify(anchor)}\n`);
    await file.close();
  };
}

/** Returns what exports the head of the trail if it has changed since the last export. */
export function anchorExport(
  metadata: Pick<MetadataStore, "auditState">,
  signer: () => Promise<SignHead>,
  send: SendAnchor,
): () => Promise<void> {
  let lastHash: string | null = null;
  return async () => {
    const { head } = await metadata.auditState({});
    if (head.hash !== lastHash) {
      await send((await signer())(head));
      lastHash = head.hash;
    }
  };
}

async function post(url: string, anchor: AuditAnchor): Promise<void> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(anchor),
    redirect: "error",
    signal: AbortSignal.timeout(postMilliseconds),
  });
  await response.body?.cancel();
  if (!response.ok) {
    throw new Error(`${url} answered with status ${response.status}`);
  }
}
