const lineComment = { slashes: /(?<=^|\s)\/\/ ?([^\n]*(?:\n[ \t]*\/\/[^\n]*)*)/gm, hashes: /^[ \t]*# ?([^\n]*)/gm };
const blockComment = /(?<=^|\s)\/\*+([\s\S]*?)\*\//g;
const testName = /\b(?:test|it|describe|story)(?:\.\w+)?\(\s*(["'`])([\s\S]*?)\1/g;

/** The comments of a source file and the names of its tests, each as one line. Code in backticks is left out: it is no English. */
export function sentencesOf(file: string, source: string): readonly string[] {
  const isScript = /\.(py|rb|sh)$/.test(file);
  const comments = isScript
    ? source.matchAll(lineComment.hashes)
    : [...source.matchAll(blockComment), ...source.matchAll(lineComment.slashes)];
  const names = /\.test\.ts$/.test(file) ? [...source.matchAll(testName)].map(([, , name = ""]) => name) : [];
  return [...[...comments].map(([, text = ""]) => text.replace(/\n\s*(\/\/|\*) ?/g, " ")), ...names].map((text) =>
    text
      .replace(/`[^`]*`/g, "…")
      .replace(/^[\s*]+/, "")
      .trim(),
  );
}
