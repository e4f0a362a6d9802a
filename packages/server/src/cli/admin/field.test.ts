import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { type Field, fieldsOf, kebab } from './field.ts'
import { flagText, hasOpposite } from './flag-text.ts'

const none = z.strictObject({})

function fieldOf(schema: z.ZodType, name = 'thing'): Field {
  const [field] = fieldsOf({ parameters: none, body: z.strictObject({ [name]: schema }) })
  if (field === undefined) throw new Error('the field is missing')
  return field
}

describe('a field of the table', () => {
  test.each([
    ['text', 'thing', z.string(), 'thing'],
    ['integer', 'maxAgeDays', z.int(), 'max-age-days'],
    ['integer', 'limit', z.coerce.number().int(), 'limit'],
    ['number', 'ratio', z.number(), 'ratio'],
    ['boolean', 'force', z.boolean(), 'force'],
    ['boolean', 'isEnabled', z.boolean(), 'enabled'],
    ['choice', 'kind', z.enum(['a', 'b']), 'kind'],
    ['choice', 'kind', z.literal('a'), 'kind'],
    ['list', 'scopes', z.array(z.string()), 'scope'],
    ['list', 'authorizedParties', z.array(z.string()), 'authorized-party'],
    ['list', 'access', z.array(z.string()), 'access'],
    ['json', 'nodes', z.array(z.object({ a: z.string() })), 'nodes-json'],
    ['json', 'labels', z.record(z.string(), z.string()), 'labels-json'],
    ['json', 'either', z.union([z.string(), z.int()]), 'either-json'],
    ['duration', 'overlapSeconds', z.int(), 'overlap'],
    ['duration', 'cacheTtlMs', z.int(), 'cache-ttl'],
    ['time', 'expiresAt', z.iso.datetime({ offset: true }), 'expires-at'],
    ['secret', 'value', z.string(), 'value-file'],
    ['secret', 'clientSecret', z.string(), 'client-secret-file'],
    ['secret', 'thing', z.string().meta({ writeOnly: true }), 'thing-file'],
  ] as const)('is taken as %s: %s', (...[kind, name, schema, flag]) => {
    expect(fieldOf(schema, name)).toMatchObject({ kind, flag, isRequired: true, path: [name] })
    const optional = fieldOf(schema.optional(), name)
    expect(optional).toMatchObject({ kind, flag, isRequired: false, isNullable: false })
    expect(fieldOf(schema.nullable(), name)).toMatchObject({ kind, flag, isNullable: true })
  })

  test('keeps its words: choices, of lists too, and what it is for', () => {
    expect(fieldOf(z.enum(['a', 'b'])).choices).toEqual(['a', 'b'])
    expect(fieldOf(z.array(z.enum(['a', 'b']))).choices).toEqual(['a', 'b'])
    expect(fieldOf(z.string().optional().describe('What for.')).text).toBe('What for.')
  })

  test('that is a list has a flag for none at all only where it may be empty', () => {
    const any = fieldOf(z.array(z.string()), 'events')
    expect([hasOpposite(any), flagText(any).includes('--no-event')]).toEqual([true, true])
    const some = fieldOf(z.array(z.string()).min(1), 'events')
    expect([hasOpposite(some), flagText(some).includes('--no-event')]).toEqual([false, false])
  })

  test('that holds others is taken whole, or field by field under its name', () => {
    const policy = z.object({ maxAgeDays: z.int().nullable(), isAutomatic: z.boolean() })
    const whole = fieldsOf({ parameters: none, body: z.strictObject({ policy }) })
    const seen = whole.map(({ flag, kind, isRequired }) => [flag, kind, isRequired])
    expect(seen).toEqual([
      ['policy-json', 'json', false],
      ['policy-max-age-days', 'integer', true],
      ['policy-automatic', 'boolean', true],
    ])
    const optional = fieldsOf({
      parameters: none,
      body: z.strictObject({ policy: policy.optional() }),
    })
    expect(optional.every(({ isRequired }) => !isRequired)).toBe(true)
  })

  test('of the parameters comes before those of the body', () => {
    const parameters = z.strictObject({ appId: z.string() })
    const fields = fieldsOf({ parameters, body: z.strictObject({ name: z.string() }) })
    expect(fields.map(({ where, flag }) => [where, flag])).toEqual([
      ['parameters', 'app-id'],
      ['body', 'name'],
    ])
  })
})

test('names are spelled in kebab case', () => {
  expect(['appId', 'x509Url', 'id', 'eventDataBytesMax'].map(kebab)).toEqual([
    'app-id',
    'x509-url',
    'id',
    'event-data-bytes-max',
  ])
})
