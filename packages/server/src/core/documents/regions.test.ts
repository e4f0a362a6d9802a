import { expect, test } from 'bun:test'
import { createMemoryPins } from '../../adapters/document-pins-memory/document-pins.ts'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { documentKey } from './document-key.ts'
import { DocumentRegions } from './regions.ts'

const app = { id: 'app', tenantId: 'tenant' }
const ROWS = [
  { code: 'eu-central-1', url: 'wss://eu.example.com/ws' },
  { code: 'us-east-1', url: 'ws://localhost:8080' },
]
const pins = createMemoryPins({ clock: new HandClock() })
const regions = new DocumentRegions('local', ROWS, { pins })
const at = (host: string, isTls = true) => ({ host, isTls })

test('the host of a request says which region it is for', () => {
  expect(regions.regionOf('eu.example.com')).toBe('eu-central-1')
  expect(regions.regionOf('EU.example.com:443')).toBe('eu-central-1')
  expect(regions.regionOf('localhost:8080')).toBe('us-east-1')
  expect(regions.regionOf('localhost')).toBe('local')
  expect(regions.regionOf('127.0.0.1:8080')).toBe('local')
})

test('a document that nobody has open is new and in the region that answers', async () => {
  expect(await regions.locate(app, 'new', at('eu.example.com'))).toEqual({
    region: 'eu-central-1',
    url: 'wss://eu.example.com/ws/new',
    isNew: true,
  })
  expect(await regions.locate(app, 'new', at('127.0.0.1:9', false))).toEqual({
    region: 'local',
    url: 'ws://127.0.0.1:9/new',
    isNew: true,
  })
})

test('a document that is open is where it is pinned, whoever asks', async () => {
  await pins.claim({ key: documentKey(app, 'open'), region: 'us-east-1' }, 1_000)
  for (const host of ['eu.example.com', 'localhost:8080', '127.0.0.1:9']) {
    expect(await regions.locate(app, 'open', at(host))).toEqual({
      region: 'us-east-1',
      url: 'ws://localhost:8080/open',
      isNew: false,
    })
  }
  const stranger = { id: 'app', tenantId: 'other' }
  expect((await regions.locate(stranger, 'open', at('localhost:8080'))).isNew).toBe(true)
})

test('a region that no row names has no URL, unless it is the one that answers', async () => {
  const key = documentKey(app, 'far')
  await pins.claim({ key, region: 'ap-south-1' }, 1_000)
  expect(await regions.locate(app, 'far', at('eu.example.com'))).toEqual({
    region: 'ap-south-1',
    url: undefined,
    isNew: false,
  })
  await pins.claim({ key: documentKey(app, 'near'), region: 'local' }, 1_000)
  const near = await regions.locate(app, 'near', at('127.0.0.1:9'))
  expect(near.url).toBe('wss://127.0.0.1:9/near')
})
