import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { showAnswer } from './answer.ts'
import { receiptSentence } from './receipt.ts'
import { renderRecord } from './record.ts'
import { renderTable } from './table.ts'
import { cut, label, printable, printableJson, widthOf } from './text.ts'
import { isUnsound, verdictSentence } from './verdict.ts'

const plain = { method: 'GET' } as const
const made = { method: 'POST', isSecretShown: true } as const

describe('text', () => {
  test('cannot drive the terminal or pass for another: such characters are spelled out', () => {
    expect(printable('a\u001b[2Jb\u0007\u009b\u202e\r\n')).toBe(
      'a\\u{1b}[2Jb\\u{7}\\u{9b}\\u{202e}\\u{d}\\u{a}',
    )
    expect(printable('Größe €5 日本')).toBe('Größe €5 日本')
  })

  test('in JSON is harmless too, and parses to what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, name) => {
        const text = printableJson({ value, [name]: `\u009b${name}` })
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u)
        const again: unknown = JSON.parse(text)
        expect(again).toEqual(JSON.parse(JSON.stringify({ value, [name]: `\u009b${name}` })))
      }),
    )
  })

  test('is cut by code points, and says so', () => {
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(cut('abcd', 4)).toBe('abcd')
    expect(widthOf(cut('😀😀😀😀', 3))).toBe(3)
  })

  test.each([
    ['clientId', 'client id'],
    ['isEnabled', 'enabled'],
    ['island', 'island'],
    ['overlapMaxSeconds', 'overlap max'],
    ['cacheTtlMs', 'cache ttl'],
  ])('%s is called %s', (name, text) => {
    expect(label(name)).toBe(text)
  })
})

describe('a table', () => {
  const rows = [
    { id: 'app_1', tenantId: 't'.repeat(36), name: 'chat', region: 'eu', isEnabled: true },
    { id: 'app_22', tenantId: 't'.repeat(36), name: 'shop', region: 'us', isEnabled: false },
  ]
  const columns = ['id', 'tenantId', 'name', 'region', 'plan', 'isEnabled']

  test('has a head and aligned columns, without those nobody has', () => {
    const few = ['id', 'name', 'plan', 'isEnabled']
    expect(renderTable(rows, { columns: few, width: undefined })).toBe(
      'ID      NAME  ENABLED\napp_1   chat  yes\napp_22  shop  no\n',
    )
  })

  test('leaves out what tells least where the terminal is narrow, ids never', () => {
    const narrow = renderTable(rows, { columns, width: 30 })
    expect(narrow.split('\n')[0]).toBe('ID      NAME  REGION  ENABLED')
    const tiny = renderTable(rows, { columns, width: 4 })
    expect(tiny).toContain('app_22')
  })

  test('cuts text rather than leave a column out, an id is whole or not there', () => {
    const long = [{ id: 'a', actor: 'x'.repeat(60), outcome: 'success', clientId: 'c'.repeat(30) }]
    const all = ['id', 'actor', 'outcome', 'clientId']
    const lines = renderTable(long, { columns: all, width: 40 }).split('\n')
    expect(lines).toEqual([
      'ID  ACTOR                        OUTCOME',
      `a   ${'x'.repeat(26)}…  success`,
      '',
    ])
  })

  test('fits the terminal, whatever is in it', () => {
    const row = fc.record({ id: fc.constant('x'), a: fc.string(), b: fc.string(), c: fc.integer() })
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1 }),
        fc.integer({ min: 20, max: 200 }),
        (all, width) => {
          const text = renderTable(all, { columns: ['id', 'a', 'b', 'c'], width })
          for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(width)
          expect(text.split('\n')).toHaveLength(all.length + 2)
        },
      ),
    )
  })
})

describe('a record', () => {
  test('shows fields one below the other, lists of objects as tables, sentences one by one', () => {
    const record = {
      id: 'cred_1',
      scopes: ['a', 'b'],
      policy: { overlapMaxSeconds: 7_200, maxAgeDays: null },
      blockers: ['one sentence', 'another sentence'],
      versions: [
        { number: 1, sources: [{ ip: '::1', count: 2 }] },
        { number: 2, sources: [] },
      ],
    }
    expect(renderRecord(record, undefined)).toBe(`id                   cred_1
scopes               a, b
policy overlap max   2h
policy max age days  -
blockers             one sentence
                     another sentence

versions:
NUMBER
1
2

sources of 1:
IP   COUNT
::1  2
`)
  })
})

describe('a receipt', () => {
  const receipt = { closedCount: 3, narrowedCount: 0, familyCount: 0, silentNodeCount: 0 }
  const nodes = [{ node: 'a' }]

  test.each([
    [{ tookMs: 12.34, nodes }, 'Closed 3 connections on 1 node in 12.3 ms.'],
    [
      { closedCount: 1, narrowedCount: 2, familyCount: 1, tookMs: 1, nodes },
      'Closed 1 connection, narrowed 2 and ended 1 family of refresh tokens on 1 node in 1 ms.',
    ],
    [
      { silentNodeCount: 1, tookMs: 1, nodes },
      'Closed 3 connections on 1 node in 1 ms. 1 node did not answer in time and may hold ' +
        'connections open for a moment longer.',
    ],
    [{ closedCount: 0, tookMs: 0, nodes: [] }, ''],
  ])('is a sentence: %j', (part, sentence) => {
    expect(receiptSentence({ ...receipt, ...part })).toBe(sentence)
  })
})

describe('an answer', () => {
  test('of a list is a table, with where it goes on', () => {
    const answer = { items: [{ id: 'a', name: 'n' }], nextCursor: 'next' }
    const shown = showAnswer(answer, plain, undefined)
    expect(shown).toEqual({ text: 'ID  NAME\na   n\n', secrets: [], nextCursor: 'next' })
    expect(showAnswer({ items: [] }, plain, undefined).text).toBe('There are none.\n')
    const change = { method: 'POST' } as const
    expect(showAnswer({ items: [] }, change, undefined).text).toBe('Done.\n')
  })

  test('of an audit log shows what was done by whom to what, and from where', () => {
    const entry = {
      action: 'credential.rotated',
      actor: { kind: 'operator', id: 'cred_9' },
      atMs: 1,
      outcome: 'success',
      source: { ip: '127.0.0.1', agent: 'curl' },
      target: { kind: 'api_key', id: 'cred_1', name: 'backend' },
      tenantId: '-',
    }
    const { text } = showAnswer({ items: [{ seq: 1, at: 'T', entry }] }, plain, undefined)
    const [head = '', row = ''] = text.split('\n')
    expect(head.split(/ {2,}/)).toEqual(['SEQ', 'AT', 'ACTION', 'ACTOR', 'TARGET', 'OUTCOME', 'IP'])
    expect(row).toMatch(
      /credential\.rotated +operator cred_9 +api_key cred_1 +success +127\.0\.0\.1/,
    )
  })

  test('of plans has a column for each limit; what is on a plan names it only', () => {
    const limits = { maxConnections: 2_147_483_647, opsPerMinute: 500 }
    const plans = showAnswer({ items: [{ name: 'free', limits }] }, plain, undefined).text
    expect(plans).toBe('NAME  MAX CONNECTIONS  OPS PER MINUTE\nfree  unlimited        500\n')
    const apps = showAnswer({ items: [{ id: 'a', plan: 'free', limits }] }, plain, undefined).text
    expect(apps).toBe('ID  PLAN\na   free\n')
  })

  test('of a change names settings, and shows them to whoever asks for them', () => {
    const answer = { id: 'a', settings: { watchlist: true, cacheTtlMs: 1_800_000 } }
    expect(showAnswer(answer, made, undefined).text).toBe(
      'id        a\nsettings  `lockgate apps get` shows them\n',
    )
    expect(showAnswer(answer, plain, undefined).text).toContain('settings cache ttl  30m\n')
  })

  test('says moments as times and states as words', () => {
    const due = { state: 'ok', at: '2026-12-27T08:49:52.614Z' }
    const text = showAnswer({ due, atMs: 0, lastUsedAtMs: 1e300, tookMs: 5 }, plain, undefined).text
    expect(text).toContain('due           ok, at 2026-12-27T08:49:52.614Z\n')
    expect(text).toContain('at            1970-01-01T00:00:00.000Z\n')
    expect(text).toContain('took          5 ms\n')
  })

  test('with a secret has it on a line of its own, and apart for whoever wants only that', () => {
    const answer = { credential: { id: 'cred_1' }, versionId: 'ver_1', value: 'sk_secret' }
    const shown = showAnswer(answer, made, 20)
    expect(shown.text.split('\n')).toContain('sk_secret')
    expect(shown.secrets).toEqual([{ name: 'value', value: 'sk_secret' }])
    const app = { app: { id: 'app_1' }, signingSecret: 's1', clientSecret: 's2', clientId: 'cl' }
    const both = showAnswer(app, made, 20).secrets
    expect(both.map(({ value }) => value)).toEqual(['s1', 's2'])
  })

  test('that is a receipt, or has one, ends in its sentence', () => {
    const receipt = { closedCount: 1, tookMs: 1, nodes: [{}] }
    const sentence = 'Closed 1 connection on 1 node in 1 ms.\n'
    expect(showAnswer(receipt, plain, undefined).text).toBe(sentence)
    const revoked = showAnswer({ credential: { id: 'c' }, receipt }, plain, undefined).text
    expect(revoked).toBe(`id  c\n\n${sentence}`)
  })

  test('without a body says that it is done', () => {
    expect(showAnswer(undefined, plain, undefined).text).toBe('Done.\n')
  })

  test('of any shape is shown, and no character of it drives the terminal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        const { text } = showAnswer(answer, plain, 80)
        expect(text.endsWith('\n')).toBe(true)
        expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
      }),
    )
  })
})

describe('a verified log', () => {
  const counts = { tenantCount: 1, chainCount: 2, rowCount: 30, checkpointCount: 0 }

  test.each([
    [{ kind: 'verdict', isSound: true, faultCount: 0, ...counts }, 'Sound: '],
    [{ kind: 'verdict', isSound: false, faultCount: 1, ...counts }, 'Not sound, 1 fault: '],
  ])('ends in a sentence: %j', (line, start) => {
    expect(verdictSentence(line)).toBe(`${start}1 tenant, 2 chains, 30 rows, 0 checkpoints.`)
    expect(isUnsound(line)).toBe(!line.isSound)
  })

  test('names the first bad row of each chain', () => {
    const fault = { kind: 'fault', isSound: false, tenantId: '-', database: 'control', seq: 7 }
    const text = { code: 'row_changed', text: 'The row was changed.' }
    expect(verdictSentence({ ...fault, ...text })).toBe(
      'Not sound: the installation, control, 7: The row was changed. (row_changed)',
    )
    expect(verdictSentence({ ...fault, ...text, tenantId: 't', throughSeq: 9 })).toStartWith(
      'Not sound: tenant t, control, 7 to 9: ',
    )
  })

  test('is not read into lines of another kind', () => {
    expect(verdictSentence({ class_uid: 3001 })).toBeUndefined()
    expect(isUnsound({ class_uid: 3001 })).toBe(false)
  })
})
