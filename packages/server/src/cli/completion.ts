/** Completion scripts for shells, made from the tree of commands. */
import type { Command } from 'commander'
import { type FlagSpec, flagSpec } from './flags.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

interface CommandSpec {
  readonly name: string
  readonly description: string
  readonly flags: readonly (FlagSpec & { readonly description: string })[]
  /** What can stand after the command. */
  readonly words: readonly string[]
}

/** @returns a script for the shell to read. */
export function completionScript(program: Command, shell: Shell): string {
  const names = program.commands.map((command) => command.name())
  const commands = [...program.commands.map(specOf), helpSpec(names)]
  switch (shell) {
    case 'bash':
      return bashScript(commands)
    case 'zsh':
      return zshScript(commands)
    case 'fish':
      return fishScript(commands)
  }
}

function specOf(command: Command): CommandSpec {
  const options = command.createHelp().visibleOptions(command)
  return {
    name: command.name(),
    description: command.description(),
    flags: options.map((option) => ({ ...flagSpec(option), description: option.description })),
    words: command.name() === 'completion' ? SHELLS : [],
  }
}

const helpSpec = (words: readonly string[]): CommandSpec => {
  return { name: 'help', description: 'Print the help of a command.', flags: [], words }
}

/** In single quotes; fish would need backslashes doubled, and no text here has one. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

function bashScript(commands: readonly CommandSpec[]): string {
  const values = commands.flatMap(({ name, flags }) =>
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
        return `    ${quote(`${name} --${flag.name}`)}) ${action} ;;`
      }),
  )
  const words = commands.map(({ name, flags, words: own }) => {
    const all = [...own, ...flags.map((flag) => `--${flag.name}`)]
    return `    ${name}) words=${quote(all.join(' '))} ;;`
  })
  return `# Completion of lockgate for bash: source <(lockgate completion bash)
_lockgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command="\${COMP_WORDS[1]}" words=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words=${quote([...commands.map(({ name }) => name), '--help', '--version'].join(' '))}
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    return
  fi
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
  const names = commands.map(({ name, description }) => quote(`${name}:${escaped(description)}`))
  const cases = commands.map(({ name, flags, words }) => {
    const specs = flags.map((flag) =>
      quote(`--${flag.name}[${escaped(flag.description)}]${argument(flag)}`),
    )
    if (words.length > 0) specs.push(quote(`1:value:(${words.join(' ')})`))
    return `    ${name}) _arguments ${specs.join(' \\\n        ')} ;;`
  })
  return `#compdef lockgate
# Completion of lockgate for zsh: lockgate completion zsh > "\${fpath[1]}/_lockgate"
_lockgate() {
  local -a commands
  commands=(${names.join(' ')})
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  local command="$words[2]"
  shift words
  ((CURRENT--))
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
  const lines = commands.flatMap(({ name, description, flags, words }) => {
    const here = `complete -c lockgate -n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c lockgate -n __fish_use_subcommand -f -a ${name} -d ${quote(description)}`,
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
  const head = '# Completion of lockgate for fish: lockgate completion fish | source'
  return `${[head, ...lines].join('\n')}\n`
}
