import { describe, expect, test } from 'bun:test'
import { HandClock } from '../../../../../test/support/hand-clock.ts'
import { RESUME_KEPT_MS, ResumeSessions } from './resume-sessions.ts'

const OWNER = { appId: 'app', ownerKey: 'user:a' }

function world(countMax?: number) {
  const clock = new HandClock()
  const state = { lastMs: 10, next: 0 }
  const random = {
    bytes: (count: number) => new Uint8Array(count).fill(++state.next),
    uint32: () => 0,
  }
  const ports = { clock, random, reachedMs: () => state.lastMs }
  return { clock, state, sessions: new ResumeSessions(ports, countMax) }
}

const connectionOn = (...channels: string[]) => ({ channels: new Set(channels) })

describe('a name to come back with', () => {
  test('says what the connection had when it left, and up to when it was sent messages', () => {
    const { sessions, state } = world()
    const connection = connectionOn('a')
    const id = sessions.open(OWNER, connection)
    expect(id).toMatch(/^[\w-]{22}$/)
    connection.channels.add('b')
    state.lastMs = 20
    sessions.left(id, connection)
    connection.channels.clear()
    state.lastMs = 30
    expect(sessions.find(id, OWNER)).toEqual({ channels: ['a', 'b'], afterMs: 20 })
    expect(sessions.find(id, OWNER)).toEqual({ channels: ['a', 'b'], afterMs: 20 })
  })

  test('is good for its owner alone', () => {
    const { sessions } = world()
    const connection = connectionOn('a')
    const id = sessions.open(OWNER, connection)
    for (const owner of [
      { ...OWNER, appId: 'other' },
      { ...OWNER, ownerKey: 'user:b' },
    ]) {
      expect(sessions.find(id, owner)).toBeUndefined()
      sessions.left(id, connection)
      expect(sessions.find(id, owner)).toBeUndefined()
    }
    expect(sessions.find('unknown', OWNER)).toBeUndefined()
  })

  test('goes on with the connection that came back, whatever the old one does later', () => {
    const { sessions, state } = world()
    const [old, fresh] = [connectionOn('a'), connectionOn('a', 'b')]
    const id = sessions.open(OWNER, old)
    sessions.touch(id, OWNER, fresh)
    sessions.left(id, old)
    state.lastMs = 40
    expect(sessions.find(id, OWNER)).toEqual({ channels: ['a', 'b'], afterMs: 40 })
    sessions.left(id, fresh)
    sessions.touch(id, OWNER, old)
    expect(sessions.find(id, OWNER)).toEqual({ channels: ['a'], afterMs: 40 })
    expect(sessions.size).toBe(1)
  })

  test('lasts two minutes after the connection, and no longer', () => {
    const { sessions, clock } = world()
    const connection = connectionOn('a')
    const id = sessions.open(OWNER, connection)
    clock.pass(10 * RESUME_KEPT_MS)
    sessions.tick()
    sessions.left(id, connection)
    clock.pass(RESUME_KEPT_MS - 1)
    sessions.tick()
    expect(sessions.find(id, OWNER)).toBeDefined()
    clock.pass(1)
    expect(sessions.find(id, OWNER)).toBeUndefined()
    sessions.tick()
    expect(sessions.size).toBe(0)
  })

  test('ends when there are too many: who left first goes first', () => {
    const { sessions } = world(2)
    const connections = ['a', 'b', 'c'].map((channel) => connectionOn(channel))
    const ids = connections.map((each) => sessions.open(OWNER, each))
    for (const [index, each] of connections.entries()) sessions.left(ids[index] ?? '', each)
    expect(ids.map((id) => sessions.find(id, OWNER) !== undefined)).toEqual([false, true, true])
  })

  test('is forgotten with its connection, but not with one that had it before', () => {
    const { sessions } = world()
    const [old, fresh] = [connectionOn('a'), connectionOn('a')]
    const id = sessions.open(OWNER, old)
    sessions.touch(id, OWNER, fresh)
    sessions.forget(id, old)
    expect(sessions.find(id, OWNER)).toBeDefined()
    sessions.forget(id, fresh)
    sessions.forget(id, fresh)
    expect(sessions.find(id, OWNER)).toBeUndefined()
    expect(sessions.size).toBe(0)
  })
})
