import { createHash, hash } from "node:crypto";
import { Readable } from "node:stream";

interface Command {
  readonly input: {
    readonly Key?: string;
    readonly Body?: Uint8Array;
    readonly Metadata?: Record<string, string>;
    readonly PartNumber?: number;
  };
}

interface StoredObject {
  readonly bytes: Buffer;
  readonly metadata: Record<string, string>;
}

/** A bucket in memory that takes the SDK's commands, and notes their names. */
export class MemoryBucket {
  readonly requests: string[] = [];
  readonly #objects = new Map<string, StoredObject>();
  readonly #parts = new Map<number, Buffer>();
  #metadata: Record<string, string> = {};

  async send(command: Command): Promise<unknown> {
    const name = command.constructor.name.replace(/Command$/, "");
    this.requests.push(name);
    const { Key = "", Body = new Uint8Array(), Metadata = {}, PartNumber = 0 } = command.input;
    switch (name) {
      case "HeadObject":
        return this.#facts(Key);
      case "GetObject":
        return { ...this.#facts(Key), Body: Readable.from([this.#objects.get(Key)?.bytes]) };
      case "PutObject":
        this.#objects.set(Key, { bytes: Buffer.from(Body), metadata: Metadata });
        return {};
      case "ListMultipartUploads":
        return { Uploads: [], IsTruncated: false };
      case "CreateMultipartUpload":
        this.#metadata = Metadata;
        return { UploadId: "upload" };
      case "UploadPart":
        this.#parts.set(PartNumber, Buffer.from(Body));
        return { ETag: `"${PartNumber}"` };
      case "CompleteMultipartUpload": {
        const inOrder = [...this.#parts].sort(([one], [other]) => one - other).map(([, bytes]) => bytes);
        this.#objects.set(Key, { bytes: Buffer.concat(inOrder), metadata: this.#metadata });
        return {};
      }
      default:
        throw new Error(`The bucket does not know ${name}`);
    }
  }

  #facts(key: string) {
    const found = this.#objects.get(key);
    if (found === undefined) {
      throw Object.assign(new Error("No such key"), { name: "NotFound", $metadata: { httpStatusCode: 404 } });
    }
    return {
      ContentLength: found.bytes.length,
      ETag: `"${createHash("md5").update(found.bytes).digest("hex")}"`,
      ChecksumSHA256: Buffer.from(hash("sha256", found.bytes), "hex").toString("base64"),
      Metadata: found.metadata,
    };
  }
}
