import { describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdminClient } from '@lockgate/admin-api/client'
import { createLockgateAdmin } from './admin.ts'
import { type RotationOptions, rotateCredential } from './admin-rotation.ts'
import { operatorKeyFile } from './operator-key-file.ts'

const KEY = 'op_a1b2c3d4e5_0123456789abcdefghijklmnopqrstuvwxyz'

/** The part of an administration that a rotation meets, with one credential of two versions. */
class Administered {
  states: Record<string, string> = { v1: 'current' }
  /** How many looks at the readiness find somebody on the old version. */
  busyLookCount = 0
  isUsedAgain = false
  nowMs = 1_000
  readonly steps: string[] = []
  readonly bodies: unknown[] = []
  readonly pauses: number[] = []

  client() {
    return createAdminClient(
      { url: 'https://lockgate.example', key: KEY, retryCountMax: 0 },
      {
        fetch: (request) => this.#answer(request),
        pause: () => Promise.resolve(),
        random: () => 0,
        newKey: () => 'key',
      },
    )
  }

  rotate(options: Partial<RotationOptions> = {}) {
    const given = { credentialId: 'c', deploy: () => undefined, ...options }
    return rotateCredential(this.client(), given, {
      now: () => this.nowMs,
      pause: (ms) => {
        this.pauses.push(ms)
        this.nowMs += ms
        return Promise.resolve()
      },
    })
  }

  async #answer(request: Request): Promise<Response> {
    const step = new URL(request.url).pathname.split('/').at(-1) ?? ''
    this.steps.push(step)
    if (request.method === 'POST') this.bodies.push(JSON.parse(await request.text()))
    switch (step) {
      case 'stage':
        this.states['v2'] = 'pending'
        return Response.json({
          credential: this.#credential(),
          versionId: 'v2',
          value: 'new-value',
        })
      case 'discard':
        this.states['v2'] = 'discarded'
        return Response.json(this.#credential())
      case 'promote':
        this.states = { v1: 'previous', v2: 'current' }
        return Response.json(this.#credential())
      case 'readiness': {
        const isBusy = this.busyLookCount > 0
        this.busyLookCount -= 1
        const blockers = isBusy ? ['192.0.2.1 used version 1'] : []
        return Response.json({ credentialId: 'c', canDisable: !isBusy, blockers, versions: [] })
      }
      case 'disable':
        if (this.isUsedAgain) {
          this.isUsedAgain = false
          return Response.json({ code: 'still_in_use', title: 'In use.' }, { status: 409 })
        }
        this.states['v1'] = 'disabled'
        return Response.json(this.#credential())
      default:
        return Response.json({ code: 'path_unknown', title: 'No.' }, { status: 404 })
    }
  }

  #credential() {
    return { id: 'c', versions: Object.entries(this.states).map(([id, state]) => ({ id, state })) }
  }
}

describe('a rotation', () => {
  test('is deployed before it is current, and the old version goes when nobody uses it', async () => {
    const server = new Administered()
    const deployed: string[] = []
    const outcome = await server.rotate({
      deploy: (value) => {
        deployed.push(value, server.states['v2'] ?? '', server.states['v1'] ?? '')
      },
      overlapSeconds: 3_600,
      reason: 'quarterly',
    })
    expect(deployed).toEqual(['new-value', 'pending', 'current'])
    expect(outcome).toEqual({ versionId: 'v2', isOldDisabled: true, blockers: [] })
    expect(server.steps).toEqual(['stage', 'promote', 'readiness', 'disable'])
    expect(server.bodies).toEqual([
      { reason: 'quarterly' },
      { reason: 'quarterly', overlapSeconds: 3_600 },
      { reason: 'quarterly', versionId: 'v1' },
    ])
  })

  test('that nobody has to wait for says who still uses the old version', async () => {
    const server = new Administered()
    server.busyLookCount = 1
    const outcome = await server.rotate()
    expect(outcome).toMatchObject({ isOldDisabled: false, blockers: ['192.0.2.1 used version 1'] })
    expect(server.states).toEqual({ v1: 'previous', v2: 'current' })
    expect(server.pauses).toEqual([])
  })

  test('waits as long as it was told, and disables as soon as it can', async () => {
    const patient = new Administered()
    patient.busyLookCount = 3
    expect(await patient.rotate({ waitMs: 60_000 })).toMatchObject({ isOldDisabled: true })
    expect(patient.pauses).toEqual([5_000, 5_000, 5_000])
    const hasty = new Administered()
    hasty.busyLookCount = 99
    expect(await hasty.rotate({ waitMs: 12_000 })).toMatchObject({ isOldDisabled: false })
    expect(hasty.pauses).toEqual([5_000, 5_000, 2_000])
  })

  test('looks again when somebody came between the look and the step', async () => {
    const server = new Administered()
    server.isUsedAgain = true
    expect(await server.rotate({ waitMs: 60_000 })).toMatchObject({ isOldDisabled: true })
    expect(server.steps.slice(2)).toEqual(['readiness', 'disable', 'readiness', 'disable'])
  })

  test('whose value cannot be deployed leaves everything as it was', async () => {
    const server = new Administered()
    const failure = new Error('vault is sealed')
    const attempt = server.rotate({ deploy: () => Promise.reject(failure) })
    expect(await attempt.catch((error: unknown) => error)).toBe(failure)
    expect(server.states).toEqual({ v1: 'current', v2: 'discarded' })
    expect(server.steps).toEqual(['stage', 'discard'])
  })
})

test('the operator key does not travel without TLS unless that is said', () => {
  const options = { url: 'http://lockgate.example', operatorKey: KEY }
  expect(() => createLockgateAdmin(options)).toThrow(TypeError)
  for (const given of [{ dangerousPlainHttp: true }, { url: 'http://127.0.0.1:8080' }]) {
    expect(createLockgateAdmin({ ...options, ...given })).toHaveProperty('rotate')
  }
})

describe('an operator key in a file', () => {
  const home = mkdtempSync(join(tmpdir(), 'lockgate-key-'))
  const path = join(home, 'operator.key')
  const write = (text: string, mode = 0o600) => {
    writeFileSync(path, text)
    chmodSync(path, mode)
  }
  const failureOf = async () => {
    const error: unknown = await operatorKeyFile(path)().catch((reason: unknown) => reason)
    return error as Error
  }

  test('is read at each call, so that a rotated key is taken up', async () => {
    const load = operatorKeyFile(path)
    write(`${KEY}\n`)
    expect(await load()).toBe(KEY)
    write(`${KEY}x`)
    expect(await load()).toBe(`${KEY}x`)
  })

  test('that others may read, or that is none, is refused without being quoted', async () => {
    write(KEY, 0o640)
    expect((await failureOf()).message).toBe(`Others may read ${path}: chmod 600 it.`)
    for (const text of ['', 'sk_other', `${KEY}\n${KEY}`, 'x'.repeat(5_000)]) {
      write(text)
      const failure = await failureOf()
      expect(failure).toBeInstanceOf(TypeError)
      expect(failure.message).not.toMatch(/sk_|op_|xxx/)
    }
    rmSync(home, { recursive: true })
    expect(await failureOf()).toBeInstanceOf(Error)
  })
})
