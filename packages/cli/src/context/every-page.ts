/** All pages of a list, one after the other. */
export async function everyPage<Page extends { readonly Marker: string | null }>(
  ask: (page: { readonly marker?: string }) => Promise<Page>,
): Promise<Page[]> {
  const pages = [await ask({})];
  for (let marker = pages[0]?.Marker ?? null; marker !== null; marker = pages.at(-1)?.Marker ?? null) {
    pages.push(await ask({ marker }));
  }
  return pages;
}
