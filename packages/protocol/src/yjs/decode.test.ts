import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import * as encoding from 'lib0/encoding'
import vectors from '../../../../test/vectors/yjs.json'
import {
  AWARENESS_DEPTH_MAX,
  AWARENESS_ENTRY_COUNT_MAX,
  AWARENESS_STATE_BYTES_MAX,
  type AwarenessItem,
  decodeAwareness,
  encodeAwareness,
} from './awareness.ts'
import { ByteReader, ByteWriter, varUintLength } from './bytes.ts'
import * as frames from './frames.ts'
import { ADDRESS_BYTES_MAX, decodeHocuspocus, HocuspocusFrames } from './hocuspocus.ts'
import { isEmptyUpdate } from './messages.ts'

const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))
const MALFORMED = { ok: false, refusal: 'frame_malformed' } as const

function kindsOf(framing: string, bytes: Uint8Array): readonly string[] | undefined {
  if (framing === 'y-websocket') {
    const decoded = frames.decodeFrame(bytes)
    return decoded.ok ? decoded.value.map(({ kind }) => kind) : undefined
  }
  const decoded = decodeHocuspocus(bytes)
  if (!decoded.ok) return undefined
  return [decoded.value.kind === 'addressed' ? decoded.value.body.kind : decoded.value.kind]
}

describe('vectors', () => {
  for (const { name, framing, hex, kinds, part, ...more } of vectors.accepted) {
    test(`${framing}: ${name} (${part})`, () => {
      expect(kindsOf(framing, bytesOf(hex))).toEqual(kinds)
      if (!('document' in more)) return
      const decoded = decodeHocuspocus(bytesOf(hex))
      expect(decoded).toMatchObject({ ok: true, value: { documentName: more.document } })
    })
  }
  for (const { name, framing, hex, part } of vectors.refused) {
    test(`${framing}: ${name} is refused (${part})`, () => {
      expect(kindsOf(framing, bytesOf(hex))).toBeUndefined()
    })
  }

  test('the first byte tells the framings apart, but for single bytes that open nothing', () => {
    for (const { framing, hex } of vectors.accepted) {
      const isOpening = hex.startsWith('00')
      expect(frames.isPlainFrame(bytesOf(hex))).toBe(framing === 'y-websocket' && isOpening)
    }
  })
})

describe('numbers of lib0', () => {
  test('are read as they are written, by us and by lib0', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const theirs = encoding.encode((encoder) => encoding.writeVarUint(encoder, value))
        const ours = new ByteWriter(varUintLength(value)).varUint(value).bytes
        expect(Buffer.from(ours)).toEqual(Buffer.from(theirs))
        expect(new ByteReader(theirs).varUint()).toBe(value)
      }),
    )
  })

  test('end at 2^53 - 1', () => {
    const most = new ByteWriter(8).varUint(Number.MAX_SAFE_INTEGER).bytes
    expect(new ByteReader(most).varUint()).toBe(Number.MAX_SAFE_INTEGER)
    for (const hex of ['8080808080808010', 'ffffffffffffff1f', '808080808080808000', '80', '']) {
      expect(new ByteReader(bytesOf(hex)).varUint()).toBeUndefined()
    }
  })

  test('that announce more than is there cost nothing', () => {
    const announced = new ByteWriter(6).varUint(2 ** 32).bytes
    expect(new ByteReader(announced).varBytes()).toBeUndefined()
    expect(new ByteReader(announced).varText(2 ** 33)).toBeUndefined()
  })
})

const item: fc.Arbitrary<AwarenessItem> = fc.record({
  clientId: fc.maxSafeNat(),
  clock: fc.nat(),
  state: fc.option(
    fc.dictionary(fc.string(), fc.string(), { maxKeys: 4 }).map((state) => JSON.stringify(state)),
    { nil: undefined },
  ),
})

describe('awareness', () => {
  test('is read as it is written', () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 20 }), (items) => {
        expect(decodeAwareness(encodeAwareness(items))).toEqual({ ok: true, value: items })
      }),
    )
  })

  test('keeps the text of a state as it is', () => {
    const state = '{ "b":1.0, "a" : "\\u0041" }'
    const items = [{ clientId: 1, clock: 1, state }]
    expect(decodeAwareness(encodeAwareness(items))).toEqual({ ok: true, value: items })
  })

  test('takes so many entries, bytes and levels and no more', () => {
    const one = { clientId: 1, clock: 1, state: undefined }
    const many = (count: number) => encodeAwareness(Array.from({ length: count }, () => one))
    expect(decodeAwareness(many(AWARENESS_ENTRY_COUNT_MAX)).ok).toBe(true)
    expect(decodeAwareness(many(AWARENESS_ENTRY_COUNT_MAX + 1))).toEqual(MALFORMED)
    const sized = (length: number) =>
      encodeAwareness([{ ...one, state: JSON.stringify('x'.repeat(length - 2)) }])
    expect(decodeAwareness(sized(AWARENESS_STATE_BYTES_MAX)).ok).toBe(true)
    expect(decodeAwareness(sized(AWARENESS_STATE_BYTES_MAX + 1))).toEqual(MALFORMED)
    const deep = (depth: number) =>
      encodeAwareness([{ ...one, state: '['.repeat(depth) + ']'.repeat(depth) }])
    expect(decodeAwareness(deep(AWARENESS_DEPTH_MAX)).ok).toBe(true)
    expect(decodeAwareness(deep(AWARENESS_DEPTH_MAX + 1))).toEqual(MALFORMED)
  })
})

describe('frames of ours', () => {
  const bytes = fc.uint8Array({ maxLength: 300 })

  test('of y-websocket are read as they are written', () => {
    fc.assert(
      fc.property(bytes, fc.array(item, { maxLength: 3 }), (update, items) => {
        const read = (frame: Uint8Array) => frames.decodeFrame(frame)
        const value = (message: object) => ({ ok: true, value: [message] })
        const sync = { kind: 'step1', stateVector: update }
        expect(read(frames.step1Frame(update))).toEqual(value(sync) as never)
        expect(read(frames.step2Frame(update))).toEqual(value({ kind: 'step2', update }) as never)
        expect(read(frames.updateFrame(update))).toEqual(value({ kind: 'update', update }) as never)
        const told = value({ kind: 'awareness', items })
        expect(read(frames.awarenessFrame(items))).toEqual(told as never)
      }),
    )
    expect([...frames.SIGN_OF_LIFE]).toEqual([1, 1, 0])
    expect(Buffer.from(frames.deniedFrame('no!')).toString('hex')).toBe('0200036e6f21')
  })

  test('of Hocuspocus are read as they are written, the session id with them', () => {
    const address = fc.tuple(fc.stringMatching(/^[\w-]{1,40}$/), fc.constantFrom('', '\0session'))
    fc.assert(
      fc.property(address, bytes, ([name, session], update) => {
        const made = new HocuspocusFrames(name + session)
        const whole = { kind: 'addressed', address: name + session, documentName: name }
        const body = (frame: Uint8Array) => {
          const decoded = decodeHocuspocus(frame)
          if (!decoded.ok || decoded.value.kind !== 'addressed') throw new Error('not addressed')
          expect(decoded.value).toMatchObject(whole)
          return decoded.value.body
        }
        expect(body(made.step1(update))).toEqual({ kind: 'step1', stateVector: update })
        expect(body(made.step2(update))).toEqual({ kind: 'step2', update })
        expect(body(made.update(update))).toEqual({ kind: 'update', update })
        expect(body(made.awareness([]))).toEqual({ kind: 'awareness', items: [] })
        expect(body(made.close('')).kind).toBe('close')
        expect(body(made.syncStatus(1)).kind).toBe('unknown')
      }),
    )
    const made = new HocuspocusFrames('d')
    const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex')
    expect(hex(made.authenticated('readonly'))).toBe('0164020208726561646f6e6c79')
    expect(hex(made.denied('no'))).toBe('01640201026e6f')
    expect(hex(made.syncStatus(0))).toBe('01640800')
  })

  test('have a bound on the address', () => {
    const framed = (length: number) => new HocuspocusFrames('a'.repeat(length)).close('')
    expect(decodeHocuspocus(framed(ADDRESS_BYTES_MAX)).ok).toBe(true)
    expect(decodeHocuspocus(framed(ADDRESS_BYTES_MAX + 1))).toEqual(MALFORMED)
  })
})

describe('any bytes', () => {
  const known = vectors.accepted.map(({ hex }) => bytesOf(hex))
  const mutated = fc
    .tuple(fc.constantFrom(...known), fc.nat(), fc.nat(255), fc.uint8Array({ maxLength: 8 }))
    .map(([start, at, byte, tail]) => {
      const bytes = Uint8Array.of(...start, ...tail)
      if (bytes.length > 0) bytes[at % bytes.length] = byte
      return bytes
    })

  test('are messages or refused, and never throw', () => {
    const anything = fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated)
    fc.assert(
      fc.property(anything, (frame) => {
        for (const decoded of [frames.decodeFrame(frame), decodeHocuspocus(frame)]) {
          if (!decoded.ok) expect(decoded).toEqual(MALFORMED)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('bring at most so many messages in a frame', () => {
    const frame = (count: number) => new Uint8Array(count).fill(3)
    expect(frames.decodeFrame(frame(frames.FRAME_MESSAGE_COUNT_MAX)).ok).toBe(true)
    expect(frames.decodeFrame(frame(frames.FRAME_MESSAGE_COUNT_MAX + 1))).toEqual(MALFORMED)
  })
})

test('an empty update is two zero bytes', () => {
  expect(isEmptyUpdate(Uint8Array.of(0, 0))).toBe(true)
  for (const update of [[], [0], [0, 1], [1, 0], [0, 0, 0]]) {
    expect(isEmptyUpdate(Uint8Array.from(update))).toBe(false)
  }
})
