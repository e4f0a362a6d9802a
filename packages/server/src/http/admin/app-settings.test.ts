import { describe, expect, test } from 'bun:test'
import { appSettings } from '@lockgate/admin-api/app-settings'
import { z } from 'zod'
import { APP_SETTINGS, DEFAULT_APP_SETTINGS } from '../../config/app-schema.ts'

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

test('the defaults of the configuration pass', () => {
  const { enabled: _, ...settings } = DEFAULT_APP_SETTINGS
  expect(appSettings.safeParse(settings).success).toBe(true)
})
