import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  paginateListObjectsV2,
  RestoreObjectCommand,
  S3Client,
  type StorageClass,
} from "@aws-sdk/client-s3";
import type { S3Place } from "./s3-place.ts";

/** Looks into a place past all code of ours. */
export function lookInto({ bucket, prefix, environment }: S3Place, endpoint: string) {
  const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = environment;
  const credentials = { accessKeyId, secretAccessKey };
  const s3 = new S3Client({ region: "us-east-1", endpoint, forcePathStyle: true, credentials });
  const at = { Bucket: bucket, Prefix: `${prefix}/` };
  return {
    /** Below the prefix. */
    async keys(): Promise<string[]> {
      const keys: string[] = [];
      for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, at)) {
        keys.push(...Contents.map(({ Key = "" }) => Key.slice(at.Prefix.length)));
      }
      return keys;
    },
    /** Segments of other owners than these. */
    async unreferenced(owners: Iterable<string>): Promise<string[]> {
      const known = [...owners];
      const keys = (await this.keys()).filter((key) => key.startsWith("segments/"));
      return keys.filter((key) => !known.some((owner) => key.includes(`/${owner}.`)));
    },
    async unfinished(): Promise<string[]> {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand(at));
      return Uploads.map(({ Key = "" }) => Key.slice(at.Prefix.length));
    },
    put: (key: string, Body: string | Uint8Array, StorageClass?: StorageClass) =>
      s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${at.Prefix}${key}`, Body, StorageClass })),
    restore: (key: string) =>
      s3.send(new RestoreObjectCommand({ Bucket: bucket, Key: `${at.Prefix}${key}`, RestoreRequest: { Days: 1 } })),
    remove: (key: string) => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `${at.Prefix}${key}` })),
    async read(key: string): Promise<Buffer> {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `${at.Prefix}${key}` }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    close: () => s3.destroy(),
  };
}
