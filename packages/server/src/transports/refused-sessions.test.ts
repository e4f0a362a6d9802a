import { describe, expect, test } from 'bun:test'
import { HandClock } from '../../../../test/support/hand-clock.ts'
import type { Frame } from '../ports/fanout.ts'
import { HELD_COUNT_MAX, type RefusedFrame, RefusedSessions } from './refused-sessions.ts'

class Outbox {
  readonly said: string[] = []

  send(frame: Frame): void {
    this.said.push(`frame ${String(frame)}`)
  }

  close(code: number, reason: string, lastFrame?: Frame): void {
    this.said.push(
      `close ${code} ${reason}${lastFrame === undefined ? '' : ` ${String(lastFrame)}`}`,
    )
  }
}

const REFUSED: RefusedFrame = {
  kind: 'refused_frame',
  refusal: 'app_unknown',
  frame: 'why',
  closeCode: 4001,
  reason: 'because',
}

function world() {
  const clock = new HandClock()
  const refused = new RefusedSessions(clock)
  const start = (fields: Partial<RefusedFrame> = {}) => {
    const outbox = new Outbox()
    const session = refused.start(outbox, { ...REFUSED, ...fields })
    session.open()
    return { outbox, session }
  }
  return { clock, refused, start }
}

describe('without a hold', () => {
  test('the frame and the close leave together', () => {
    expect(world().start().outbox.said).toEqual(['close 4001 because why'])
  })

  test('the text of the refusal is the reason where there is no other, and a frame is not needed', () => {
    const { outbox } = world().start({ frame: undefined, reason: undefined as never })
    expect(outbox.said).toEqual(['close 4001 No app has this key. Check the app key and the host.'])
  })

  test('nothing that comes afterwards says anything', () => {
    const { outbox, session } = world().start()
    session.receive('x')
    session.heard()
    session.end('draining')
    expect(session.tick(1e12)).toBe(Number.POSITIVE_INFINITY)
    session.closed()
    expect(outbox.said).toHaveLength(1)
  })
})

describe('with a hold', () => {
  test('the frame comes at once and the close when its time has come', () => {
    const { clock, refused, start } = world()
    const { outbox, session } = start({ holdMs: 10_000 })
    expect(outbox.said).toEqual(['frame why'])
    clock.pass(9_999)
    expect(session.tick(clock.monotonicMs())).toBe(clock.monotonicMs() + 1)
    expect(refused.heldCount).toBe(1)
    clock.pass(1)
    session.tick(clock.monotonicMs())
    session.closed()
    expect(outbox.said).toEqual(['frame why', 'close 4001 because'])
    expect(refused.heldCount).toBe(0)
  })

  test('a drain ends it', () => {
    const { refused, start } = world()
    const { outbox, session } = start({ holdMs: 10_000, frame: undefined })
    session.end('draining')
    session.end('draining')
    expect(outbox.said).toEqual(['close 4001 because'])
    expect(refused.heldCount).toBe(0)
  })

  test('a client that leaves makes room and is told nothing', () => {
    const { refused, start } = world()
    const { outbox, session } = start({ holdMs: 10_000, frame: undefined })
    session.closed()
    session.closed()
    expect(session.tick(1e12)).toBe(Number.POSITIVE_INFINITY)
    expect(outbox.said).toEqual([])
    expect(refused.heldCount).toBe(0)
  })

  test('beyond the bound nobody is held', () => {
    const { refused, start } = world()
    const held = Array.from({ length: HELD_COUNT_MAX }, () => start({ holdMs: 10_000 }))
    expect(refused.heldCount).toBe(HELD_COUNT_MAX)
    expect(start({ holdMs: 10_000 }).outbox.said).toEqual(['close 4001 because why'])
    held[0]?.session.closed()
    expect(start({ holdMs: 10_000 }).outbox.said).toEqual(['frame why'])
  })
})
