import { describe, expect, test } from 'bun:test'
import { type CommandSpec, commandSpecs, type Variant } from './command-spec.ts'
import type { Field } from './field.ts'
import { type BuiltInput, buildInput, type Given, type Readers } from './input.ts'

const files: Readonly<Record<string, string>> = {
  '-': 'from standard input',
  'own.txt': 'from a file',
  'policy.json': '{"isAutomatic":true}',
}
const readers: Readers = {
  secret: async (name) => readText(name),
  text: async (name) => readText(name),
}
function readText(name: string) {
  const text = files[name]
  return text === undefined
    ? ({ ok: false, why: 'no such file' } as const)
    : ({ ok: true, text } as const)
}

function variantOf(words: string): Variant {
  const spec = commandSpecs().find((each: CommandSpec) => each.words.join(' ') === words)
  if (spec === undefined) throw new Error(`there is no ${words}`)
  return spec.variants[0]
}

function build(
  variant: Variant,
  positionals: readonly string[],
  given: Readonly<Record<string, Given>>,
): Promise<BuiltInput> {
  return buildInput(variant, { positionals, given: new Map(Object.entries(given)) }, readers)
}

/** A variant with one flag, for kinds that few operations have. */
function withField(field: Partial<Field>): Variant {
  const whole: Field = {
    where: 'body',
    path: ['x'],
    flag: 'x',
    kind: 'text',
    perSecond: 1,
    choices: [],
    min: undefined,
    max: undefined,
    isRequired: false,
    isEmptyAllowed: true,
    isNullable: false,
    text: '',
    ...field,
  }
  return { ...variantOf('secrets rotate'), positionals: [], flags: [whole] }
}

async function parse(field: Partial<Field>, given: Given): Promise<unknown> {
  const built = await build(withField(field), [], { x: given })
  return built.ok ? built.input.body?.['x'] : built.problem
}

describe('what was typed', () => {
  test('is sent under the names of the operation', async () => {
    const given = { overlap: '1h', 'value-file': '-', force: true, reason: 'due' }
    const built = await build(variantOf('secrets rotate'), ['cred_1'], given)
    expect(built).toEqual({
      ok: true,
      input: {
        parameters: { credentialId: 'cred_1' },
        body: { overlapSeconds: 3_600, value: 'from standard input', force: true, reason: 'due' },
      },
    })
  })

  test('goes into the query where the operation has no body', async () => {
    const built = await build(variantOf('audit list'), [], { database: 'local', limit: '5' })
    expect(built).toEqual({ ok: true, input: { parameters: { database: 'local', limit: 5 } } })
  })

  test('is completed by what the command itself says', async () => {
    const built = await build(variantOf('keys create'), ['chat'], { name: 'b', scope: ['a', 'b'] })
    expect(built).toEqual({
      ok: true,
      input: {
        parameters: { appId: 'chat' },
        body: { kind: 'api_key', name: 'b', scopes: ['a', 'b'] },
      },
    })
  })

  test('lacks something: every missing flag is named at once', async () => {
    const built = await build(variantOf('secrets create'), ['chat'], {})
    expect(built).toEqual({ ok: false, problem: 'missing: --kind, --name' })
  })

  test('an object is taken whole, from a file, and field by field on top', async () => {
    const variant = variantOf('secrets update')
    const given = { 'policy-json': '@policy.json', 'policy-overlap-max': '2h' }
    const built = await build(variant, ['cred_1'], given)
    expect(built.ok ? built.input.body : built).toEqual({
      policy: { isAutomatic: true, overlapMaxSeconds: 7_200 },
    })
  })
})

describe('a value', () => {
  test.each([
    [{ kind: 'integer' }, '12', 12],
    [{ kind: 'integer' }, '-1', -1],
    [{ kind: 'integer' }, '1.5', '--x: use a whole number'],
    [{ kind: 'integer' }, '0x10', '--x: use a whole number'],
    [{ kind: 'integer' }, '1e3', '--x: use a whole number'],
    [{ kind: 'number' }, '1.5', 1.5],
    [{ kind: 'number' }, 'NaN', '--x: use a number'],
    [{ kind: 'boolean' }, true, true],
    [{ kind: 'boolean' }, false, false],
    [{ kind: 'choice', choices: ['a', 'b'] }, 'b', 'b'],
    [{ kind: 'choice', choices: ['a', 'b'] }, 'c', '--x: use a, b'],
    [{ kind: 'list', choices: ['a', 'b'] }, ['a', 'c'], '--x: use a, b'],
    [{ kind: 'list' }, ['a', 'c'], ['a', 'c']],
    [{ kind: 'list' }, false, []],
    [{ kind: 'list', isNullable: true }, false, null],
    [{ kind: 'integer', isNullable: true }, false, null],
    [{ kind: 'duration', perSecond: 1_000 }, '30s', 30_000],
    [{ kind: 'duration' }, '0', 0],
    [{ kind: 'duration' }, 'soon', '--x: use 1h, 30m, 90s, 7d or seconds'],
    [{ kind: 'time' }, '2027-01-31T12:00:00+02:00', '2027-01-31T12:00:00+02:00'],
    [{ kind: 'time' }, '2027-01-31', '--x: use a time such as 2027-01-31T12:00:00Z'],
    [{ kind: 'time' }, '2027-13-31T12:00:00Z', '--x: use a time such as 2027-01-31T12:00:00Z'],
    [{ kind: 'json' }, '{"a":[1]}', { a: [1] }],
    [{ kind: 'json' }, '{a}', '--x: use JSON, or @ and the name of a file with JSON'],
    [{ kind: 'json' }, '@absent', '--x: no such file'],
    [{ kind: 'secret' }, 'own.txt', 'from a file'],
    [{ kind: 'secret' }, 'absent', '--x: no such file'],
  ] as const)('%j of %j is %j', async (field, given, expected) => {
    expect(await parse(field, given)).toEqual(expected as never)
  })

  test('that is wrong is not repeated: it may be a secret that went astray', async () => {
    for (const kind of ['integer', 'duration', 'time', 'json', 'choice', 'secret'] as const) {
      const text = await parse({ kind, choices: ['a'] }, 'sk_misplaced')
      expect(text).toStartWith('--x: ')
      expect(text).not.toContain('sk_misplaced')
    }
  })
})
