import { readdir } from "node:fs/promises";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { contentHeaders, partRequest } from "../support/glacier.ts";
import { idleBlocks } from "../support/idle-blocks.ts";
import type { TestServer } from "../support/server.ts";
import { signedText, textOf } from "./signed-text.ts";

/** The head of an upload as it stands on the wire; its body is for the test to send, or not. */
export function uploadHead(
  server: Pick<TestServer, "port" | "key">,
  body: Uint8Array,
  more: readonly string[] = [`Content-Length: ${body.length}`],
): string {
  return textOf(
    signedText(server, { method: "POST", path: "/-/vaults/photos/archives", headers: contentHeaders(body) }),
    more,
  );
}

export function partHead(
  server: TestServer,
  uploadId: string,
  body: Uint8Array,
  more: readonly string[] = [`Content-Length: ${body.length}`],
): string {
  const { method, path, headers } = partRequest("photos", uploadId, 0, body);
  return textOf(signedText(server, { method, path, headers }), more);
}

/** Writes as much as the other side takes. */
export async function send(socket: Socket, bytes: Uint8Array | string): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) {
    return;
  }
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

/** Waits for something that happens soon; says whether it did. */
export async function eventually(holds: () => boolean | Promise<boolean>, milliseconds = 5000): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > deadline) {
      return false;
    }
    await sleep(20);
  }
  return true;
}

/** Counts the resources that transfers hold in this process: open files and sockets, and blocks. */
export async function holdings(server: TestServer): Promise<{ descriptors: number; blocks: number; leaves: number }> {
  return {
    descriptors: (await readdir("/proc/self/fd")).length,
    blocks: idleBlocks(server.parts.receiveBlocks),
    leaves: idleBlocks(server.parts.leafBlocks),
  };
}
