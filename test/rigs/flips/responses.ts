import { GlacierHttp } from "../../support/glacier-http.ts";
import { ids, storedArchives } from "../../support/verify/filled-folder.ts";

/** The response to each request that shows something of the folder; null where it is refused with 500, or none comes. */
export type Responses = Readonly<Record<string, string | null>>;

const ofVaults = ["photos", "other", "locked", "none"].flatMap((vault) =>
  ["", "/lock-policy", "/access-policy", "/notification-configuration", "/tags", "/jobs", "/multipart-uploads"].map(
    (rest) => `/-/vaults/${vault}${rest}`,
  ),
);
const ofAccounts = ["/-/vaults", "/-/policies/data-retrieval", "/-/provisioned-capacity"];
const ofAdmin = ["/admin/users", "/admin/access-keys", "/admin/accounts"];

/** Reads everything that was stored. */
export async function responsesOf(url: string): Promise<Responses> {
  const glacier = new GlacierHttp(url);
  const responses: Record<string, string | null> = {};
  const upload = `/-/vaults/photos/multipart-uploads/${ids.upload}`;
  const job = `/-/vaults/photos/jobs/${ids.job}`;
  try {
    for (const path of [...ofAccounts, ...ofVaults, upload, job, `${job}/output`, ...ofAdmin]) {
      responses[path] = await responseOf(glacier, path);
    }
    // Last, for it makes jobs.
    for (const { vault, id, bytes } of storedArchives()) {
      const read = await glacier.retrieve(vault, id).catch(() => null);
      responses[`the bytes of ${id}`] = read === null ? null : String(read.equals(bytes));
    }
  } finally {
    glacier.close();
  }
  return responses;
}

async function responseOf(glacier: GlacierHttp, path: string): Promise<string | null> {
  const service = path.startsWith("/admin") ? "moraine" : "glacier";
  const response = await glacier.send({ method: "GET", path, service }).catch(() => null);
  return response === null || response.status >= 500 ? null : `${response.status} ${response.body}`;
}
