import { describe, expect, test } from 'bun:test'
import { type ClientOptions, mergedSettings, type Place, settingsOf } from './client-options.ts'

const NODE: Place = { userAgent: undefined, origin: undefined }
const PAGE: Place = { userAgent: 'Mozilla/5.0 (X11; Linux)', origin: 'https://app.example.com' }
const PHONE: Place = { userAgent: 'Mozilla/5.0 (Linux; Android 15)', origin: undefined }
const host = 'wss://rt.example.com:8443/mqtt'

const of = (options: ClientOptions, place = NODE) => settingsOf(options, place, () => 0.5)

describe('a preset', () => {
  test('is the one named, or that of the place', () => {
    expect(of({ host, preset: 'mobile' }).protocolVersion).toBe(4)
    expect(of({ host }).keepAlive).toBe(30)
    expect(of({ host }, PAGE).keepAlive).toBe(60)
    expect(of({ host, preset: 'auto' }, PHONE).protocolVersion).toBe(4)
  })

  test('yields to what the application says', () => {
    const settings = of({ host, preset: 'agent', keepAlive: 7, queueDrops: 'oldest' })
    expect(settings).toMatchObject({ keepAlive: 7, queueDrops: 'oldest', queueCountMax: 5_000 })
  })

  test('that is none is refused', () => {
    const preset = 'fridge' as 'mobile'
    expect(() => of({ host, preset })).toThrow(/preset is desktop/)
  })
})

describe('the addresses', () => {
  test('of the token service is the host, unless another one is said', () => {
    expect(of({ host }).tokenServiceUrl).toBe('https://rt.example.com:8443')
    expect(of({ host: 'ws://127.0.0.1:8080' }).tokenServiceUrl).toBe('http://127.0.0.1:8080')
    expect(of({ host: 'mqtts://rt.example.com:8883' }).tokenServiceUrl).toBe(
      'https://rt.example.com',
    )
    const own = of({ host, tokenServiceUrl: 'https://api.example.com//' })
    expect(own.tokenServiceUrl).toBe('https://api.example.com')
  })

  test('of a page are those of the server that it came from', () => {
    expect(of({}, PAGE)).toMatchObject({
      host: 'wss://app.example.com',
      tokenServiceUrl: 'https://app.example.com',
    })
  })

  test('are checked before anything is sent, without repeating them', () => {
    for (const wrong of ['http://x', 'wss://', 'wss://user:secret@x']) {
      expect(() => of({ host: wrong })).toThrow(/The options cannot work/)
      expect(() => of({ host: wrong })).not.toThrow(/secret/)
    }
    expect(() => of({ host, tokenServiceUrl: 'ftp://x' })).toThrow(/tokenServiceUrl/)
  })

  test('may come with the call that connects, and are missed only there', () => {
    const made = { options: {}, settings: of({}) }
    expect(made.settings.host).toBeUndefined()
    expect(() => mergedSettings(made, {})).toThrow(/host is missing/)
    const said = mergedSettings(made, { host, willTopic: 'w', willMessage: 'bye' })
    expect(said).toMatchObject({ host, clientId: made.settings.clientId, will: { topic: 'w' } })
    expect(mergedSettings(made, { host, clientId: 'own' }).clientId).toBe('own')
  })
})

test('a client identifier is random, and one that is given is known as given', () => {
  let next = 0
  const random = () => {
    next += 0.013
    return next % 1
  }
  const ids = [1, 2].map(() => settingsOf({ host }, NODE, random).clientId)
  expect(ids[0]).toMatch(/^lg_[a-z0-9]{16}$/)
  expect(ids[0]).not.toBe(ids[1])
  expect(of({ host, clientId: 'mine' })).toMatchObject({ clientId: 'mine', hasOwnClientId: true })
})
