/** Completion scripts for shells, made from the tree of commands. */
import type { Command } from 'commander'
import { type CommandSpec, completionTree, type Shell, wordsAfter } from './completion-tree.ts'
import type { FlagSpec } from './flags.ts'

/** @returns a script for the shell to read. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = completionTree(program)
  switch (shell) {
    case 'bash':
      return bashScript(commands)
    case 'zsh':
      return zshScript(commands)
    case 'fish':
      return fishScript(commands)
  }
}

/** In single quotes; fish would need backslashes doubled, and no text here has one. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** Patterns of every path below the program, for the loop that finds the command of a line. */
const pathPatterns = (commands: readonly CommandSpec[]): string =>
  commands
    .filter(({ path }) => path !== '')
    .map(({ path }) => quote(path))
    .join(' | ')

function bashScript(commands: readonly CommandSpec[]): string {
  const values = commands.flatMap(({ path, flags }) =>
    flags
      .filter((flag) => flag.argument !== 'none')
      .map((flag) => {
        const words = flag.argument === 'file' ? '-f' : `-W ${quote(flag.choices.join(' '))}`
        const reply = `COMPREPLY=($(compgen ${words} -- "$current"))`
        const isFinal = flag.argument !== 'optional'
        // After a flag whose value may be left out, the next flag can follow as well.
        const action = isFinal
          ? `${reply}; return`
          : `[[ $current == -* ]] || { ${reply}; return; }`
        return `    ${quote(`${path} --${flag.name}`)}) ${action} ;;`
      }),
  )
  const words = commands.map((command) => {
    return `    ${quote(command.path)}) words=${quote(wordsAfter(command).join(' '))} ;;`
  })
  return `# Completion of lockgate for bash: source <(lockgate completion bash)
_lockgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command='' words='' word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "\${command:+$command }$word" in
    ${pathPatterns(commands)}) command="\${command:+$command }$word" ;;
    esac
  done
  case "$command $previous" in
${values.join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o filenames -F _lockgate lockgate
`
}

function zshScript(commands: readonly CommandSpec[]): string {
  const escaped = (text: string): string => text.replaceAll(/[[\]:\\]/g, '\\$&')
  const argument = (flag: FlagSpec): string => {
    if (flag.argument === 'none') return ''
    const choices = flag.choices.length > 0 ? `(${flag.choices.join(' ')})` : ''
    const values = flag.argument === 'file' ? '_files' : choices
    return `${flag.argument === 'optional' ? '::' : ':'}value:${values}`
  }
  const cases = commands.map(({ path, commands: below, flags, words }) => {
    const specs = flags.map((flag) =>
      quote(`--${flag.name}[${escaped(flag.description)}]${argument(flag)}`),
    )
    if (words.length > 0) specs.push(quote(`1:value:(${words.join(' ')})`))
    const names = below.map(({ name, description }) => quote(`${name}:${escaped(description)}`))
    const offer = names.length === 0 ? '' : `offered=(${names.join(' ')}); `
    return `    ${quote(path)}) ${offer}_lockgate_rest ${specs.join(' \\\n        ')} ;;`
  })
  return `#compdef lockgate
# Completion of lockgate for zsh: lockgate completion zsh > "\${fpath[1]}/_lockgate"
_lockgate_rest() {
  if ((\${#offered} > 0)) && [[ "$words[CURRENT]" != -* ]]; then
    _describe command offered
  else
    _arguments "$@"
  fi
}
_lockgate() {
  local -a offered
  local command='' word
  integer at=2 found=1
  for ((; at < CURRENT; at++)); do
    word="$words[at]"
    case "\${command:+$command }$word" in
    ${pathPatterns(commands)}) command="\${command:+$command }$word"; found=at ;;
    esac
  done
  shift $((found - 1)) words
  ((CURRENT -= found - 1))
  case "$command" in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _lockgate ]; then
  _lockgate "$@"
else
  compdef _lockgate lockgate
fi
`
}

function fishScript(commands: readonly CommandSpec[]): string {
  const lines = commands.flatMap(({ path, commands: below, flags, words }) => {
    const here = `complete -c lockgate -n '__lockgate_at ${path}'`
    return [
      ...below.map(({ name, description }) => `${here} -f -a ${name} -d ${quote(description)}`),
      ...words.map((word) => `${here} -f -a ${word}`),
      ...flags.map((flag) => {
        const choices = flag.choices.length > 0 ? ` -a ${quote(flag.choices.join(' '))}` : ''
        const argument = { file: ' -r -F', text: ' -x', optional: ' -f', none: ' -f' }[
          flag.argument
        ]
        return `${here} -l ${flag.name}${argument}${choices} -d ${quote(flag.description)}`
      }),
    ]
  })
  return `# Completion of lockgate for fish: lockgate completion fish | source
function __lockgate_at
    set -l command
    for word in (commandline -opc)[2..-1]
        switch (string join -- ' ' $command $word)
            case ${pathPatterns(commands).replaceAll(' | ', ' ')}
                set command $command $word
        end
    end
    test "$command" = "$argv"
end
${lines.join('\n')}
`
}
