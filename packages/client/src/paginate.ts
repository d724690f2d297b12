import type { GlacierClient } from "./glacier-client.ts";
import type { CallOptions, OperationInput, OperationOutput } from "./operation-types.ts";

/** The methods that return pages, and the field that has a page's items. */
const itemFields = {
  listVaults: "VaultList",
  listJobs: "JobList",
  listMultipartUploads: "UploadsList",
  listParts: "Parts",
} as const;

export type PagedMethod = keyof typeof itemFields;

type Input<Name extends PagedMethod> = OperationInput<Capitalize<Name>>;
type Page<Name extends PagedMethod> = OperationOutput<Capitalize<Name>>;
/** One vault, job, upload or part, as its listing shows it. */
export type ListedItem<Name extends PagedMethod> =
  Page<Name> extends Readonly<Record<(typeof itemFields)[Name], readonly (infer Item)[]>> ? Item : never;

/**
 * Yields the pages of a listing. Each is requested when the loop needs it; leave the loop to stop. In the input, `limit` is the size of a
 * page, and `marker` the place to start.
 */
export async function* everyPage<Name extends PagedMethod>(
  client: GlacierClient,
  name: Name,
  input: Input<Name>,
  options: CallOptions = {},
): AsyncGenerator<Page<Name>, void, undefined> {
  // The compiler cannot see that method, input and page belong to the same name.
  const list = client[name] as unknown as (input: Input<Name>, options: CallOptions) => Promise<Page<Name>>;
  let marker: string | null | undefined;
  do {
    const page = await list(marker ? { ...input, marker } : input, options);
    yield page;
    if (page.Marker && page.Marker === marker) {
      throw new Error(`${name}: the service sent the same page again after the marker ${marker}`);
    }
    marker = page.Marker;
  } while (marker);
}

/** Yields all items of a listing, across its pages: `for await (const job of everyItem(client, "listJobs", { vaultName }))`. */
export async function* everyItem<Name extends PagedMethod>(
  client: GlacierClient,
  name: Name,
  input: Input<Name>,
  options: CallOptions = {},
): AsyncGenerator<ListedItem<Name>, void, undefined> {
  for await (const page of everyPage(client, name, input, options)) {
    yield* (page as unknown as Record<string, Iterable<ListedItem<Name>>>)[itemFields[name]] ?? [];
  }
}
