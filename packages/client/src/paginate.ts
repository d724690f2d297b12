import type { GlacierClient } from "./glacier-client.ts";
import type { CallOptions, OperationInput, OperationOutput } from "./operation-types.ts";

/** The operations that answer page by page, and the member that has a page's items. */
const itemMembers = {
  listVaults: "VaultList",
  listJobs: "JobList",
  listMultipartUploads: "UploadsList",
  listParts: "Parts",
} as const;

export type PagedMethod = keyof typeof itemMembers;

type Input<Name extends PagedMethod> = OperationInput<Capitalize<Name>>;
type Page<Name extends PagedMethod> = OperationOutput<Capitalize<Name>>;
/** One vault, job, upload or part, as its listing shows it. */
export type ListedItem<Name extends PagedMethod> =
  Page<Name> extends Readonly<Record<(typeof itemMembers)[Name], readonly (infer Item)[]>> ? Item : never;

/**
 * The answers of a listing, one after the other, each asked for when the loop gets there: `limit` is the size of a page, and
 * `marker` where to start. Leave the loop to stop.
 */
export async function* everyPage<Name extends PagedMethod>(
  client: GlacierClient,
  name: Name,
  input: Input<Name>,
  options: CallOptions = {},
): AsyncGenerator<Page<Name>, void, undefined> {
  // The compiler does not see that one name makes method, input and page fit.
  const list = client[name] as unknown as (input: Input<Name>, options: CallOptions) => Promise<Page<Name>>;
  let marker: string | null | undefined;
  do {
    const page = await list(marker ? { ...input, marker } : input, options);
    yield page;
    if (page.Marker && page.Marker === marker) {
      throw new Error(`${name}: the service gives the same page again, after the marker ${marker}`);
    }
    marker = page.Marker;
  } while (marker);
}

/** All items of a listing, however many pages they take: `for await (const job of everyItem(client, "listJobs", { vaultName }))`. */
export async function* everyItem<Name extends PagedMethod>(
  client: GlacierClient,
  name: Name,
  input: Input<Name>,
  options: CallOptions = {},
): AsyncGenerator<ListedItem<Name>, void, undefined> {
  for await (const page of everyPage(client, name, input, options)) {
    yield* (page as unknown as Record<string, Iterable<ListedItem<Name>>>)[itemMembers[name]] ?? [];
  }
}
