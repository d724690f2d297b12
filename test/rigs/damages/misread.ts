import type { Finding } from "../../../packages/server/src/verify/finding.ts";
import { GlacierHttp } from "../../support/glacier-http.ts";
import { storedArchives } from "../../support/verify/filled-folder.ts";
import { recoveredService } from "../recovered-service.ts";

/**
 * Reads all archives through a service that is started on a damaged folder. Returns the reads that gave other bytes, and of a damaged
 * segment's folder those of other archives that gave none. A service that refuses to start gives nothing.
 */
export async function misread(path: string, named: Partial<Finding>): Promise<string[]> {
  const service = await recoveredService(path).catch(() => null);
  if (service === null) {
    return [];
  }
  const glacier = new GlacierHttp(service.url);
  const isSegment = named.file?.startsWith("blobs/") === true;
  const wrong: string[] = [];
  try {
    for (const { vault, id, bytes } of storedArchives()) {
      const read = await glacier.retrieve(vault, id).catch((error: Error) => error);
      if (read instanceof Error) {
        wrong.push(...(isSegment && named.archive !== id ? [`${id} is refused: ${read.message}`] : []));
      } else if (!read.equals(bytes)) {
        wrong.push(`${id} is served with other bytes`);
      }
    }
  } finally {
    glacier.close();
    // A damaged database may refuse the changes of an end in order.
    await service[Symbol.asyncDispose]().catch(() => undefined);
  }
  return wrong;
}
