import { describe, expect, test } from 'bun:test'
import { appSettings } from '@lockgate/admin-api/app-settings'
import { z } from 'zod'
import { APP_SETTINGS, DEFAULT_APP_SETTINGS } from '../../config/app-schema.ts'
import { parseRetention } from '../../ports/records/retention.ts'

interface Described {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxItems?: number
  readonly enum?: readonly string[]
}

const { properties = {} } = z.toJSONSchema(appSettings, { io: 'input' })
const rows = Object.entries(APP_SETTINGS).filter(([name]) => name !== 'enabled')

test('the administration takes every setting of an app but enabled, by the same name', () => {
  expect(Object.keys(properties).toSorted()).toEqual(rows.map(([name]) => name).toSorted())
})

describe.each(rows)('%s', (name, row) => {
  const described = properties[name] as Described

  test('has the type and the bounds of the configuration', () => {
    if (row.type === 'integer') {
      const { minimum, maximum } = described
      expect({ type: described.type, minimum, maximum }).toEqual({
        type: 'integer',
        minimum: row.min,
        maximum: row.max,
      })
    } else if (row.type === 'choice') expect(described.enum).toEqual([...row.values])
    else if (row.type === 'list') expect(described.maxItems).toBe(row.countMax)
    else expect(described.type).toBe(row.type)
  })
})

test('times to keep messages are those that the configuration takes', () => {
  const texts = ['** 7d', 'logs:** 1h', 'tmp:* off', '** 3650d', '** 3651d', '** 0d', '** 1w', 'a']
  for (const text of [...texts, ' 1d', 'a  1d', '** 9999999999s', '** 1d ']) {
    const isTaken = appSettings.safeParse({ history: [text] }).success
    expect([text, isTaken]).toEqual([text, parseRetention(text) !== undefined])
  }
})

test('the defaults of the configuration pass', () => {
  const { enabled: _, ...settings } = DEFAULT_APP_SETTINGS
  expect(appSettings.safeParse(settings).success).toBe(true)
})
