import type { ClientRequest } from "node:http";

/**
 * Gives a request its body, each piece when the one before has left, and ends it; or breaks it off with what the source threw, or
 * once it has been answered before its end, as refusals may be. Never rejects: the request tells of what happened.
 */
export async function sendPieces(
  sent: ClientRequest,
  pieces: AsyncIterable<Uint8Array>,
  { sizeBytes, timeoutMilliseconds }: { readonly sizeBytes: number; readonly timeoutMilliseconds: number },
): Promise<void> {
  let leftBytes = sizeBytes;
  const over = overBeforeItsEnd(sent, () => leftBytes > 0);
  try {
    for await (const piece of pieces) {
      leftBytes -= piece.length;
      waitForNetwork(sent, timeoutMilliseconds);
      // One that is destroyed is not closed until the loop of events goes on, for which its writes do not wait.
      if (sent.destroyed || (await Promise.race([written(sent, piece), over])) === "over") {
        return;
      }
      waitForNetwork(sent, 0);
    }
    waitForNetwork(sent, timeoutMilliseconds);
    sent.end();
  } catch (error) {
    sent.destroy(error as Error);
  }
}

/** Limits how long the network may rest; 0 while the source is waited for, which may be slow or paced. */
function waitForNetwork({ socket }: ClientRequest, timeoutMilliseconds: number): void {
  // Before it is connected, another limit holds.
  if (socket?.connecting === false) {
    socket.setTimeout(timeoutMilliseconds);
  }
}

function written(sent: ClientRequest, piece: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  sent.write(piece, () => resolve()); // What fails closes the request.
  return promise;
}

/** Resolves when nobody waits for more of the body: the connection is closed, or about to be, since it cannot be used again. */
function overBeforeItsEnd(sent: ClientRequest, isUnfinished: () => boolean): Promise<"over"> {
  const { promise, resolve } = Promise.withResolvers<"over">();
  sent.once("close", () => resolve("over"));
  sent.once("response", (answer) => {
    if (isUnfinished()) {
      answer.once("end", () => sent.destroy());
      resolve("over");
    }
  });
  return promise;
}
