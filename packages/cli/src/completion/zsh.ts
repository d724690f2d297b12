import type { Completion, Flag, Place, Word } from "./places.ts";
import { flagValues, operandWords, quoted } from "./words.ts";

/** Makes the script for zsh, to be placed as `_moraine` in a folder of fpath, or sourced. */
export function zshCompletion({ name, globalFlags, places }: Completion): string {
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), after compinit

_${name}_place() {
  case $1 in
${places.map(caseOf).join("\n")}
  esac
  if [[ -n $global ]]; then
    flags+=(${described(globalFlags.flatMap(flagWords))})
    values+=(${flagValues(globalFlags).map(quoted).join(" ")})
  fi
}

_${name}_value() {
  local -a choices
  case $1 in
    file) _files ;;
    :*) choices=(\${(s:,:)1#:}) && compadd -a choices ;;
    *) _message 'a value' ;;
  esac
}

_${name}() {
  local place= awaited= plain= repeated= global= word
  local -i operand=0
  local -a commands flags values operands
  _${name}_place ''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    if [[ -n $awaited ]]; then
      awaited=
    elif [[ -z $plain && $word == -- ]]; then
      plain=1
    elif [[ -z $plain && $word == -* ]]; then
      awaited=\${\${(M)values:#$word=*}#*=}
    elif (( operand == 0 )) && [[ -z $plain && -n \${(M)commands:#$word:*} ]]; then
      place+=\${place:+ }$word
      _${name}_place "$place"
    else
      operand+=1
    fi
  done
  if [[ -n $awaited ]]; then
    _${name}_value $awaited
  elif [[ -z $plain && $PREFIX == --*=* ]]; then
    word=\${PREFIX%%=*}
    compset -P '*='
    _${name}_value \${\${(M)values:#$word=*}#*=}
  elif [[ -z $plain && $PREFIX == -* ]]; then
    _describe -o option flags
  else
    (( operand == 0 )) && [[ -z $plain ]] && (( $#commands )) && _describe command commands
    [[ -n $repeated ]] && (( operand >= $#operands )) && operand=$(( $#operands - 1 ))
    (( operand < $#operands )) && _${name}_value $operands[operand+1]
  fi
}

if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi`;
}

function caseOf(place: Place): string {
  const { path, commands, flags, takesGlobalFlags, isLastRepeated } = place;
  return `  ${quoted(path)})
    commands=(${described(commands)})
    flags=(${described(flags.flatMap(flagWords))})
    values=(${flagValues(flags).map(quoted).join(" ")})
    operands=(${operandWords(place).map(quoted).join(" ")}) repeated=${isLastRepeated ? 1 : ""} global=${takesGlobalFlags ? 1 : ""} ;;`;
}

const flagWords = ({ words, description }: Flag): Word[] => words.map((word) => ({ word, description }));

const described = (words: readonly Word[]) =>
  words.map(({ word, description }) => quoted(`${word}:${description}`)).join(" ");
