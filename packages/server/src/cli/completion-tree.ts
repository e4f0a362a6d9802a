/** What a shell can complete: the commands of the program, flat, each by its whole path. */
import type { Command } from 'commander'
import { type FlagSpec, flagSpec } from './flags.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export interface CommandSpec {
  /** `secrets rotate`; empty: the program itself. */
  readonly path: string
  readonly description: string
  readonly flags: readonly (FlagSpec & { readonly description: string })[]
  /** Commands below this one, by their last word. */
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  /** What can stand after the command besides. */
  readonly words: readonly string[]
}

/** @returns the program first, each command before those below it. */
export function completionTree(program: Command): readonly CommandSpec[] {
  const names = program.commands.map((each) => each.name())
  const description = 'Print the help of a command.'
  const [root, ...others] = specsOf(program, '')
  const help: CommandSpec = { path: 'help', description, flags: [], commands: [], words: names }
  if (root === undefined) return [help]
  const commands = [...root.commands, { name: 'help', description }]
  return [{ ...root, commands }, ...others, help]
}

function specsOf(command: Command, path: string): CommandSpec[] {
  // Those that help leaves out as well.
  const hidden = command.options.filter((option) => option.hidden)
  const options = [...command.createHelp().visibleOptions(command), ...hidden]
  const own: CommandSpec = {
    path,
    description: command.description(),
    flags: options.map((option) => ({ ...flagSpec(option), description: option.description })),
    commands: command.commands.map((each) => {
      return { name: each.name(), description: each.description() }
    }),
    words: path === 'completion' ? SHELLS : [],
  }
  const below = command.commands.flatMap((each) => {
    return specsOf(each, path === '' ? each.name() : `${path} ${each.name()}`)
  })
  return [own, ...below]
}

/** @returns what can follow the words of the command itself. */
export function wordsAfter({ commands, words, flags }: CommandSpec): readonly string[] {
  return [...commands.map(({ name }) => name), ...words, ...flags.map(({ name }) => `--${name}`)]
}
