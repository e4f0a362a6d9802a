import { describe, expect, test } from 'bun:test'
import { OPERATIONS } from '@lockgate/admin-api/operations'
import { type CommandSpec, commandSpecs, PAGING } from './command-spec.ts'
import { groupHelp } from './groups.ts'
import { SECRET_NAME } from './secret-name.ts'

/** Flags that every command has. */
const COMMON = [
  'json',
  'quiet',
  'all',
  'url',
  'operator-key-file',
  'data-dir',
  'config',
  'timeout',
  'idempotency-key',
]
const specs = commandSpecs()
const wordsOf = ({ words }: CommandSpec): string => words.join(' ')

describe('the commands of the table', () => {
  test('every operation has the command it names', () => {
    for (const [name, { command }] of Object.entries(OPERATIONS)) {
      const spec = specs.find((each) => wordsOf(each) === command)
      expect(spec?.variants.some((each) => each.name === name)).toBe(true)
    }
  })

  test('no two commands have one name, and one alone is a group as well, on purpose', () => {
    const names = specs.map(wordsOf)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    const groups = names.filter((name) => names.some((each) => each.startsWith(`${name} `)))
    expect(groups).toEqual(['events'])
  })

  test.each(specs.map((spec) => [wordsOf(spec), spec] as const))(
    '%s: path parameters stand in order, every other field has a flag of its own',
    (_name, { variants }) => {
      for (const { operation, positionals, flags, fixed, only } of variants) {
        const unneeded = Object.keys(only).length === 0 ? [] : PAGING
        const inPath = Array.from(operation.path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
        expect(positionals.map(({ path }) => path[0])).toEqual(inPath)
        const names = flags.map(({ flag }) => flag)
        expect(new Set(names).size).toBe(names.length)
        expect(names.filter((name) => COMMON.includes(name) || name.startsWith('no-'))).toEqual([])
        const tops = new Set(flags.map(({ path }) => path[0]))
        const fields = [operation.parameters, operation.body].flatMap((each) =>
          each === undefined ? [] : Object.keys(each.shape),
        )
        const missing = fields.filter((field) => {
          return ![...tops, ...inPath, ...Object.keys(fixed), ...unneeded].includes(field)
        })
        expect(missing).toEqual([])
      }
    },
  )

  test('a value of your own is never an argument, whichever operation takes it', () => {
    const taking = specs.flatMap(({ variants }) =>
      variants.flatMap(({ flags }) => flags.filter(({ path }) => path.some(isSecretName))),
    )
    expect(taking.length).toBeGreaterThan(0)
    for (const { kind, flag } of taking) {
      expect([kind, flag.endsWith('-file')]).toEqual(['secret', true])
    }
    const positional = specs.flatMap(({ variants }) => variants.flatMap((each) => each.positionals))
    expect(positional.filter(({ path }) => path.some(isSecretName))).toEqual([])
  })
})

const isSecretName = (name: string): boolean => SECRET_NAME.test(name)

describe('the shorter names', () => {
  const specOf = (name: string): CommandSpec => {
    const found = specs.find((spec) => wordsOf(spec) === name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }

  test('keys are credentials of kind api_key', () => {
    const [create] = specOf('keys create').variants
    expect(create).toMatchObject({ name: 'credentials.create', fixed: { kind: 'api_key' } })
    expect(create.flags.map(({ flag }) => flag)).not.toContain('kind')
    expect(specOf('keys list').variants[0].only).toEqual({ kind: 'api_key' })
    expect(specOf('rotate').variants[0].name).toBe('credentials.rotate')
  })

  test('revoke takes a credential, or says what else ends', () => {
    const { variants } = specOf('revoke')
    expect(variants.map(({ name, positionals }) => [name, positionals.length])).toEqual([
      ['credentials.revoke', 1],
      ['revocations.create', 0],
    ])
  })

  test('the examples of help name commands and flags that exist', () => {
    const groups = new Set(specs.map(({ words: [first = ''] }) => first))
    for (const group of groups) {
      for (const example of groupHelp(group).examples) {
        const words = example.split(' ').slice(1)
        const spec = specs.findLast(({ words: own }) => own.every((word, at) => word === words[at]))
        if (spec === undefined) {
          expect(example).toContain('keys generate')
          continue
        }
        const flags = spec.variants.flatMap((each) => each.flags.map(({ flag }) => `--${flag}`))
        const used = words.filter((word) => word.startsWith('--'))
        const known = [...flags, ...COMMON.map((flag) => `--${flag}`)]
        expect(used.filter((flag) => !known.includes(flag))).toEqual([])
        const before = words.slice(spec.words.length).findIndex((word) => word.startsWith('--'))
        const rest = words.length - spec.words.length
        const counts = spec.variants.map(({ positionals }) => positionals.length)
        expect(counts).toContain(before < 0 ? rest : before)
      }
    }
  })
})
