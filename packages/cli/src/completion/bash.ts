import type { Completion, Flag, Place } from "./places.ts";
import { flagValues, operandWords, quoted } from "./words.ts";

/** Makes the script for bash 4 and later. Readline completes files, since it quotes them correctly. */
export function bashCompletion({ name, globalFlags, places }: Completion): string {
  return `# Completion of ${name} for bash: source <(${name} completion bash)

_${name}_place() {
  case $1 in
${places.map(caseOf).join("\n")}
  esac
  if [[ -n $global ]]; then
    flags+=${quoted(` ${words(globalFlags)}`)}
    values+=${quoted(` ${flagValues(globalFlags).join(" ")}`)}
  fi
}

_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} path= awaited= plain= glued= operand=0 index word
  local commands flags values operands repeated global
  COMPREPLY=()
  _${name}_place ''
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    glued=
    if [[ -n $word && $word != *[!:=]* ]]; then
      # Bash splits words at these: the next word belongs to the previous one.
      ((++index < COMP_CWORD)) && awaited= || glued=1
    elif [[ -n $awaited ]]; then
      awaited=
    elif [[ -z $plain && $word == -- ]]; then
      plain=1
    elif [[ -z $plain && $word == -* ]]; then
      [[ " $values " == *" $word="* ]] && awaited=" $values" awaited=\${awaited##* $word=} awaited=\${awaited%% *}
    elif ((operand == 0)) && [[ -z $plain && " $commands " == *" $word "* ]]; then
      path+=\${path:+ }$word
      _${name}_place "$path"
    else
      ((operand++))
    fi
  done
  [[ -n $current && $current != *[!:=]* ]] && glued=1 current=
  if [[ -n $awaited ]]; then
    word=$awaited
  elif [[ -n $glued ]]; then
    return
  elif [[ -z $plain && $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
    return
  else
    operands=($operands)
    ((operand == 0)) && [[ -z $plain ]] && COMPREPLY=($(compgen -W "$commands" -- "$current"))
    [[ -n $repeated ]] && ((operand >= \${#operands[@]})) && operand=$((\${#operands[@]} - 1))
    word=\${operands[operand]-}
  fi
  case $word in
    file) compopt -o default ;;
    :*) word=\${word#:} && COMPREPLY+=($(compgen -W "\${word//,/ }" -- "$current")) ;;
  esac
}

complete -F _${name} ${name}`;
}

function caseOf(place: Place): string {
  const { path, commands, flags, takesGlobalFlags, isLastRepeated } = place;
  const variables = {
    commands: commands.map(({ word }) => word).join(" "),
    flags: words(flags),
    values: flagValues(flags).join(" "),
    operands: operandWords(place).join(" "),
    repeated: isLastRepeated ? "1" : "",
    global: takesGlobalFlags ? "1" : "",
  };
  const assigned = Object.entries(variables).map(([variable, value]) => `${variable}=${value && quoted(value)}`);
  return `  ${quoted(path)}) ${assigned.join(" ")} ;;`;
}

const words = (flags: readonly Flag[]) => flags.flatMap((flag) => flag.words).join(" ");
