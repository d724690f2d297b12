import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";

// Clients that want no response, in a process of their own: the server's port, their number, the address that they connect from,
// a key id of the server, and the ways in which they take turns. A connection that the server closes is opened again a second later.

const [port = "", count = "", localAddress = "", accessKeyId = "", names = ""] = process.argv.slice(2);
const reopenMilliseconds = 1000;
const dripMilliseconds = 500;

// Their own work must not slow down the machine for those whose requests are measured.
setPriority(constants.priority.PRIORITY_LOW);

const amzDate = () => new Date().toISOString().replace(/[-:]|\.[0-9]+/g, "");

/** A request with a known key id, and a signature that cannot be right. */
function forged(method: string, path: string, headers: readonly string[]): string {
  const date = amzDate();
  const scope = `${date.slice(0, 8)}/us-east-1/glacier/aws4_request`;
  const signed = "host;x-amz-date;x-amz-glacier-version";
  return [
    `${method} ${path} HTTP/1.1`,
    "Host: x",
    `X-Amz-Date: ${date}`,
    "x-amz-glacier-version: 2012-06-01",
    `Authorization: AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${"0".repeat(64)}`,
    ...headers,
    "\r\n",
  ].join("\r\n");
}

const repeat = (socket: Socket, send: () => void) => {
  const timer = setInterval(send, dripMilliseconds);
  socket.once("close", () => clearInterval(timer));
};

const ways: ReadonlyArray<(socket: Socket) => void> = [
  function slowHeaders(socket) {
    socket.write("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    repeat(socket, () => socket.write("y"));
  },
  function slowBody(socket) {
    socket.write(forged("PUT", "/-/vaults/photos/access-policy", ["Content-Length: 120000"]));
    socket.write(Buffer.alloc(100_000, " "));
    repeat(socket, () => socket.write("  "));
  },
  function idle(socket) {
    socket.write("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n");
  },
  function pipelined(socket) {
    socket.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1500));
  },
  function wrongSignatures(socket) {
    const send = () => socket.write(forged("GET", "/-/vaults", []));
    send();
    repeat(socket, send);
  },
];

const chosen = ways.filter(({ name }) => names.split(",").includes(name));

function attack(index: number): void {
  const socket = connect({ port: Number(port), host: "127.0.0.1", localAddress });
  socket.on("error", () => undefined);
  socket.once("connect", () => chosen[index % chosen.length]?.(socket));
  socket.once("close", () => setTimeout(() => attack(index), reopenMilliseconds));
  socket.resume();
}

for (let index = 0; index < Number(count); index += 1) {
  setTimeout(() => attack(index), (index * reopenMilliseconds) / Number(count));
}
