import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { byAge, type PageRequest, pageOf } from './paging.ts'

interface Row {
  readonly id: string
  readonly createdAtMs: number
}

const ORDER = { list: 'rows', keyOf: byAge }

function page(rows: readonly Row[], request: PageRequest) {
  const made = pageOf(rows, request, ORDER)
  if (!made.ok) throw new Error(made.detail)
  return made.value
}

function walk(rowsAt: (pageNumber: number) => readonly Row[], limit: number): readonly Row[] {
  const seen: Row[] = []
  let cursor: string | undefined
  for (let number = 0; ; number++) {
    const { items, nextCursor } = page(rowsAt(number), { cursor, limit })
    expect(items.length).toBeLessThanOrEqual(limit)
    seen.push(...items)
    if (nextCursor === undefined) return seen
    cursor = nextCursor
  }
}

const rowsOf = fc.uniqueArray(
  fc.record({ id: fc.string({ minLength: 1, maxLength: 5 }), createdAtMs: fc.nat(3) }),
  { selector: ({ id }) => id, maxLength: 30 },
)

test('walking the pages gives every record once, oldest first', () => {
  fc.assert(
    fc.property(rowsOf, fc.integer({ min: 1, max: 7 }), (rows, limit) => {
      const seen = walk(() => rows, limit)
      expect(seen.map(({ id }) => id).toSorted()).toEqual(rows.map(({ id }) => id).toSorted())
      const ages = seen.map(({ createdAtMs }) => createdAtMs)
      expect(ages).toEqual(ages.toSorted((a, b) => a - b))
    }),
  )
})

test('records that go or come between two pages neither repeat nor hide others', () => {
  fc.assert(
    fc.property(rowsOf, fc.integer({ min: 1, max: 4 }), (rows, limit) => {
      const kept = rows.filter((_, index) => index % 3 !== 0)
      const late = { id: 'a late one', createdAtMs: 99 }
      const seen = walk((number) => (number === 0 ? rows : [...kept, late]), limit)
      expect(new Set(seen).size).toBe(seen.length)
      for (const row of kept) expect(seen).toContain(row)
    }),
  )
})

test('the last page names no next one, also when it is full', () => {
  const rows = [1, 2].map((number) => ({ id: String(number), createdAtMs: number }))
  expect(page(rows, { limit: 2 })).toEqual({ items: rows })
  expect(page([], {})).toEqual({ items: [] })
})

test('a cursor of another list, a cut one and any other text is refused', () => {
  const rows = [1, 2].map((number) => ({ id: String(number), createdAtMs: number }))
  const { nextCursor = '' } = page(rows, { limit: 1 })
  const foreign = pageOf(rows, { cursor: nextCursor }, { list: 'others', keyOf: byAge })
  expect(foreign).toMatchObject({ ok: false, refusal: 'input_invalid' })
  const texts = [nextCursor.slice(0, -3), '', 'x', 'e30', Buffer.from('[1]').toString('base64url')]
  for (const cursor of texts) {
    expect(pageOf(rows, { cursor }, ORDER)).toMatchObject({ ok: false, refusal: 'input_invalid' })
  }
})

test('no text a caller can send as a cursor makes it throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      const encoded = Buffer.from(text).toString('base64url')
      for (const cursor of [text, encoded]) pageOf([{ id: 'a', createdAtMs: 1 }], { cursor }, ORDER)
    }),
  )
})
