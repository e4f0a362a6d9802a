import { beforeEach, describe, expect, test } from 'bun:test'
import { generateKeyPairSync, type webcrypto } from 'node:crypto'
import {
  CALLER,
  type CoreWorld,
  openCoreWorld,
} from '../../../../../test/support/credential-core.ts'
import type { AuditCheckpoint, AuditHead } from '../../ports/records/audit.ts'
import type { AuditRecords, Database } from '../../ports/store.ts'
import {
  bodyHashOf,
  type CheckpointBody,
  FIRST_BODY_HASH,
  openCheckpoint,
  parseBody,
  publicJwkOf,
  readCheckpoint,
  readCheckpointKey,
  signCheckpoint,
} from './checkpoint-body.ts'

const TENANT = '3f9a6c6e-2d9e-4c3e-a1f1-3b2c99e6b111'

let world: CoreWorld
const told: { event: string; fields: unknown }[] = []
const log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: (event: string, _error: unknown, fields?: unknown) => void told.push({ event, fields }),
}
beforeEach(async () => {
  told.length = 0
  world = await openCoreWorld({ log })
})

/** Appends rows to the chain of a tenant. */
async function append(count: number, database: Database<AuditRecords> = world.store.control) {
  for (let left = count; left > 0; left--) {
    await database.transaction((transaction) =>
      world.core.audit.record(
        { code: database.code, transaction },
        {
          ...CALLER,
          tenantId: TENANT,
          action: 'tenant.updated',
          target: { kind: 'tenant', id: TENANT },
          outcome: 'success',
        },
      ),
    )
  }
}

function local() {
  const region = world.store.regions.get('local')
  if (region === undefined) throw new Error('no region')
  return region
}

const checkpointsOf = (tenantId = TENANT) =>
  world.store.control.transaction((each) =>
    each.listCheckpoints({ tenantId, afterSeq: 0, countMax: 100 }),
  )

const headOf = (database: Database<AuditRecords>): Promise<AuditHead | undefined> =>
  database.transaction((each) => each.findAuditHead(TENANT))

function opened(checkpoint: AuditCheckpoint): CheckpointBody {
  const { publicKey } = world.core.keys.auditSign
  const body = openCheckpoint(checkpoint, { publicKey, keyId: publicJwkOf(publicKey).kid })
  if (body === undefined) throw new Error('the signature does not hold')
  return body
}

describe('a checkpoint', () => {
  test('signs the heads of a tenant in all databases, and follows the one before', async () => {
    await append(3)
    await append(2, local())
    await world.core.checkpoints.make()
    await append(1, local())
    world.time.ms += 60_000
    await world.core.checkpoints.make()
    const made = await checkpointsOf()
    const bodies = made.map(opened)
    expect(bodies.map(({ seq, previous }) => [seq, previous])).toEqual([
      [1, FIRST_BODY_HASH],
      [2, bodyHashOf(made[0] ?? { body: '' })],
    ])
    const control = await headOf(world.store.control)
    const region = await headOf(local())
    expect(bodies[1]?.heads).toEqual({
      control: { seq: 3, hash: control?.hash ?? '' },
      local: { seq: 3, hash: region?.hash ?? '' },
    })
    expect((bodies[1]?.atMs ?? 0) - (bodies[0]?.atMs ?? 0)).toBe(60_000)
  })

  test('is made only where something was added', async () => {
    await append(1)
    await world.core.checkpoints.make()
    await world.core.checkpoints.make()
    expect(await checkpointsOf()).toHaveLength(1)
  })

  test('goes on where an earlier run of the server has left off', async () => {
    await append(1)
    await world.core.checkpoints.make()
    const { store, keyText } = world
    world = await openCoreWorld({ store, keyText: keyText(), log })
    await world.core.checkpoints.make()
    expect(await checkpointsOf()).toHaveLength(1)
    await append(1)
    await world.core.checkpoints.make()
    const [first, second] = (await checkpointsOf()).map((each) => [each, opened(each)] as const)
    expect(second?.[1].previous).toBe(bodyHashOf(first?.[0] ?? { body: '' }))
    expect(told).toEqual([])
  })

  test('signs nothing that does not go on from what was signed, and says so once', async () => {
    await append(5)
    await world.core.checkpoints.make()
    // Somebody cuts the tail: a head that was true once, and fewer rows.
    const page = { tenantId: TENANT, afterSeq: 0, countMax: 9 }
    const rows = await world.store.control.transaction((each) => each.listAudit(page))
    const other = await openCoreWorld({ keyText: world.keyText(), log })
    const { store } = world
    const last = rows[1]
    if (last === undefined) throw new Error('no row')
    const forged = { ...store, control: withHead(store.control, { ...last, seal: 'x' }) }
    const { Checkpoints } = await import('./checkpoints.ts')
    const { keys } = world.core
    const { clock } = other.core.administration
    const checkpoints = new Checkpoints({ store: forged, keys, clock, log })
    await checkpoints.make()
    await checkpoints.make()
    expect(await checkpointsOf()).toHaveLength(1)
    expect(told).toEqual([
      { event: 'audit_broken', fields: { tenantId: TENANT, database: 'control' } },
    ])
  })
})

/** A control database whose heads are all one. */
function withHead<D extends CoreWorld['store']['control']>(database: D, head: AuditHead): D {
  return {
    code: database.code,
    addUses: database.addUses.bind(database),
    transaction: (work: (transaction: unknown) => Promise<unknown>) =>
      database.transaction((transaction) =>
        work(
          new Proxy(transaction, {
            get(target, name) {
              if (name === 'listAuditHeads') return async () => [head]
              const value: unknown = Reflect.get(target, name)
              return typeof value === 'function' ? value.bind(target) : value
            },
          }),
        ),
      ),
  } as unknown as D
}

describe('a signature', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const keyId = publicJwkOf(publicKey).kid
  const body: CheckpointBody = {
    tenantId: TENANT,
    seq: 1,
    atMs: 5,
    heads: { control: { seq: 2, hash: 'aa' } },
    previous: FIRST_BODY_HASH,
  }
  const signed = signCheckpoint(body, privateKey, keyId)
  const key = { publicKey, keyId }

  test('holds for what was signed, read from a line as well', () => {
    const line = readCheckpoint(JSON.parse(JSON.stringify(signed)))
    expect(line && openCheckpoint(line, key)).toEqual(body)
  })

  test.each([
    ['another body', { body: signed.body.replace('"seq":2', '"seq":3') }],
    ['a column that says something else', { seq: 2 }],
    ['another tenant', { tenantId: 'other' }],
    ['another time', { atMs: 6 }],
    ['another key', { keyId: 'other' }],
    ['another spelling of the signature', { signature: `${signed.signature}=` }],
    ['no signature', { signature: '' }],
  ])('does not hold for %s', (_, change) => {
    expect(openCheckpoint({ ...signed, ...change }, key)).toBeUndefined()
  })

  test('does not hold with any single character changed', () => {
    for (const field of ['body', 'signature'] as const) {
      const text = signed[field]
      for (let at = 0; at < text.length; at++) {
        const other = text[at] === 'A' ? 'B' : 'A'
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        expect(openCheckpoint({ ...signed, [field]: changed }, key)).toBeUndefined()
      }
    }
  })

  test('of another key does not hold', () => {
    const other = generateKeyPairSync('ed25519')
    const forged = signCheckpoint(body, other.privateKey, keyId)
    expect(openCheckpoint(forged, key)).toBeUndefined()
  })

  test('is checked with a key that was kept as a JWK', () => {
    const jwk = JSON.parse(JSON.stringify(publicJwkOf(publicKey))) as webcrypto.JsonWebKey
    const read = readCheckpointKey(jwk)
    expect(read && openCheckpoint(signed, read)).toEqual(body)
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    expect(readCheckpointKey(p256.export({ format: 'jwk' }))).toBeUndefined()
    expect(readCheckpointKey({})).toBeUndefined()
  })

  test.each([
    'null',
    '[]',
    '{}',
    'x',
    JSON.stringify({ ...body, format: 'other' }),
    JSON.stringify({ ...body, format: 'lockgate-audit-checkpoint-1', heads: { A: 1 } }),
    '{"format":"lockgate-audit-checkpoint-1","tenantId":"t","seq":1,"atMs":1,"previous":"","heads":' +
      '{"__proto__":{"seq":1,"hash":"x"}}}',
  ])('%s is no body', (text) => {
    expect(parseBody(text)).toBeUndefined()
  })
})
