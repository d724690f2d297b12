import { GlacierHttp } from "../../support/glacier-http.ts";
import { ids, storedArchives } from "../../support/verify/filled-folder.ts";

/** The response to each request that shows something of the folder; null where it is refused with 500, or none comes. */
export type Answers = Readonly<Record<string, string | null>>;

const ofVaults = ["photos", "other", "locked", "none"].flatMap((vault) =>
  ["", "/lock-policy", "/access-policy", "/notification-configuration", "/tags", "/jobs", "/multipart-uploads"].map(
    (rest) => `/-/vaults/${vault}${rest}`,
  ),
);
const ofAccounts = ["/-/vaults", "/-/policies/data-retrieval", "/-/provisioned-capacity"];
const ofAdmin = ["/admin/users", "/admin/access-keys", "/admin/accounts"];

/** Reads everything that was stored. */
export async function answersOf(url: string): Promise<Answers> {
  const glacier = new GlacierHttp(url);
  const answers: Record<string, string | null> = {};
  const upload = `/-/vaults/photos/multipart-uploads/${ids.upload}`;
  const job = `/-/vaults/photos/jobs/${ids.job}`;
  try {
    for (const path of [...ofAccounts, ...ofVaults, upload, job, `${job}/output`, ...ofAdmin]) {
      answers[path] = await answerOf(glacier, path);
    }
    // Last, for it makes jobs.
    for (const { vault, id, bytes } of storedArchives()) {
      const read = await glacier.retrieve(vault, id).catch(() => null);
      answers[`the bytes of ${id}`] = read === null ? null : String(read.equals(bytes));
    }
  } finally {
    glacier.close();
  }
  return answers;
}

async function answerOf(glacier: GlacierHttp, path: string): Promise<string | null> {
  const service = path.startsWith("/admin") ? "moraine" : "glacier";
  const answer = await glacier.send({ method: "GET", path, service }).catch(() => null);
  return answer === null || answer.status >= 500 ? null : `${answer.status} ${answer.body}`;
}
