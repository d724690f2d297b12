import type { Completion, Flag, Place, Word } from "./places.ts";
import { flagValues, operandWords } from "./words.ts";

/** Makes the script for fish, to be placed in ~/.config/fish/completions or sourced. */
export function fishCompletion({ name, globalFlags, places }: Completion): string {
  return `# Completion of ${name} for fish: ${name} completion fish | source

function __${name}_place --no-scope-shadowing
  switch $argv[1]
${places.map(caseOf).join("\n")}
  end
  if test -n "$global"
    set -a flags ${described(globalFlags.flatMap(flagWords))}
    set -a values ${flagValues(globalFlags).map(quoted).join(" ")}
  end
end

function __${name}_value --argument-names kind current before
  switch $kind
    case file
      string replace --regex -- '^' "$before" (__fish_complete_path $current)
    case ':*'
      string replace --regex -- '^' "$before" (string split , (string sub --start 2 -- $kind))
  end
end

function __${name}_complete
  set -l current (commandline --current-token)
  set -l path
  set -l awaited
  set -l plain
  set -l operand 1
  set -l commands
  set -l flags
  set -l values
  set -l operands
  set -l repeated
  set -l global
  __${name}_place ''
  set -l before (commandline --tokenize --current-process --cut-at-cursor)
  for word in $before[2..]
    if test -n "$awaited"
      set awaited
    else if test -z "$plain" -a "$word" = --
      set plain 1
    else if test -z "$plain"; and string match --quiet -- '-*' $word
      set awaited (string match -- "$word=*" $values | string replace --regex '^[^=]*=' '')
    else if test $operand -eq 1 -a -z "$plain"; and string match --quiet -- "$word"\\t'*' $commands
      set -a path $word
      __${name}_place "$path"
    else
      set operand (math $operand + 1)
    end
  end
  if test -n "$awaited"
    __${name}_value $awaited $current ''
  else if test -z "$plain"; and string match --quiet -- '--*=*' $current
    set -l flag (string replace --regex '=.*' '=' -- $current)
    set -l kind (string match -- "$flag*" $values | string replace --regex '^[^=]*=' '')
    __${name}_value "$kind" (string replace --regex '^[^=]*=' '' -- $current) $flag
  else if test -z "$plain"; and string match --quiet -- '-*' $current
    printf '%s\\n' $flags
  else
    test $operand -eq 1 -a -z "$plain"; and printf '%s\\n' $commands
    test -n "$repeated" -a $operand -gt (count $operands); and set operand (count $operands)
    __${name}_value "$operands[$operand]" $current ''
  end
end

complete --command ${name} --no-files --arguments '(__${name}_complete)'`;
}

function caseOf(place: Place): string {
  const { path, commands, flags, takesGlobalFlags, isLastRepeated } = place;
  return `    case ${quoted(path)}
      set commands ${described(commands)}
      set flags ${described(flags.flatMap(flagWords))}
      set values ${flagValues(flags).map(quoted).join(" ")}
      set operands ${operandWords(place).map(quoted).join(" ")}
      set repeated ${isLastRepeated ? 1 : ""}
      set global ${takesGlobalFlags ? 1 : ""}`;
}

const flagWords = ({ words, description }: Flag): Word[] => words.map((word) => ({ word, description }));

const described = (words: readonly Word[]) =>
  words.map(({ word, description }) => `${quoted(word)}\\t${quoted(description)}`).join(" ");

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
