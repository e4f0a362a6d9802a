/** The flags of `serve` and `check-config`, made from the configuration table. */
import { type Command, Option } from 'commander'
import { namesOf, SETTING_ROWS } from '../config/schema.ts'
import type { Setting } from '../config/settings.ts'

/** What follows a flag on the command line. */
export interface FlagSpec {
  /** Without the dashes. */
  readonly name: string
  readonly argument: 'file' | 'text' | 'optional' | 'none'
  /** The values that can follow, where they are known. */
  readonly choices: readonly string[]
}

/** Adds one flag for each row; a secret only as the file it is in. */
export function addSettingFlags(command: Command): void {
  for (const [key, row] of SETTING_ROWS) {
    const { flag, flagFile, environment } = namesOf(key)
    const does = row.does.replaceAll('`', '')
    if (flag !== undefined) {
      command.addOption(new Option(`--${flag} ${placeholder(row)}`, `${does} [${environment}]`))
      if (row.type === 'boolean')
        command.addOption(new Option(`--no-${flag}`, `The same as --${flag} false.`))
    }
    if (flagFile !== undefined) {
      const text = `${does} Given as a file. [${environment}_FILE]`
      command.addOption(new Option(`--${flagFile} <path>`, text))
    }
  }
}

/** @returns what was given, by flag name, out of the options that commander parsed. */
export function givenFlags(command: Command): Record<string, string | boolean> {
  const values: Record<string, unknown> = command.opts()
  const given: Record<string, string | boolean> = {}
  for (const name of settingFlags().keys()) {
    const value = values[new Option(`--${name}`).attributeName()]
    if (typeof value === 'string' || typeof value === 'boolean') given[name] = value
  }
  return given
}

/** @returns how a flag of `command` is completed. */
export function flagSpec(option: Option): FlagSpec {
  const name = (option.long ?? '').replace(/^--/, '')
  const { argChoices = [] } = option
  if (argChoices.length > 0) return { name, argument: 'text', choices: argChoices }
  const row = settingFlags().get(name)
  if (row?.type === 'choice') return { name, argument: 'text', choices: row.values }
  if (row?.type === 'boolean') return { name, argument: 'optional', choices: ['true', 'false'] }
  if (option.required) {
    const isPath = row?.type === 'path' || /<(?:file|folder|path)>/.test(option.flags)
    return { name, argument: isPath ? 'file' : 'text', choices: [] }
  }
  return { name, argument: 'none', choices: [] }
}

function settingFlags(): ReadonlyMap<string, Setting> {
  return new Map(
    SETTING_ROWS.flatMap(([key, row]) => {
      const { flag, flagFile } = namesOf(key)
      return [flag, flagFile].flatMap((name) => (name === undefined ? [] : [[name, row] as const]))
    }),
  )
}

function placeholder(row: Setting): string {
  switch (row.type) {
    case 'integer':
      return `<${row.unit}>`
    case 'boolean':
      return '[true|false]'
    case 'choice':
      return `<${row.values.join('|')}>`
    case 'address':
      return row.canBeNone ? '<host:port|none>' : '<host:port>'
    case 'path':
      return '<path>'
    case 'text':
      return '<text>'
    case 'url':
      return '<url>'
    case 'list':
      return `<${row.of}>`
  }
}
