import { expect, test } from 'bun:test'
import { hearing } from '../../../../../test/support/heard-events.ts'
import { LiveEvents } from '../../core/live-events.ts'
import { type DeniedAttempt, type DenialOwner, NO_OWNER } from './denied-access.ts'
import { tellingDenials } from './told-denials.ts'

const source = { ip: '198.51.100.4', agent: 'worker/1', protocol: 'http' }
const target = { kind: 'key', id: 'k'.repeat(500) }
const attempt = { action: 'auth.failed', reason: 'unauthenticated', source, target } as const
const app = { id: 'app', tenantId: 'tenant', region: 'local' }

function told(types?: Parameters<typeof hearing>[1]) {
  const events = new LiveEvents()
  const clock = { nowMs: () => 5, monotonicMs: () => 5 }
  const recorded: (readonly [DeniedAttempt, DenialOwner])[] = []
  const record = (...row: readonly [DeniedAttempt, DenialOwner]) => void recorded.push(row)
  const heard = hearing(events, types)
  return { deny: tellingDenials(record, { events, clock }), heard, recorded }
}

test('a denial goes to the audit as before, and live with the app it concerns', () => {
  const { deny, heard, recorded } = told()
  deny(attempt, app)
  expect(recorded).toEqual([[attempt, app]])
  expect(heard.all).toEqual([
    {
      type: 'auth.failed',
      atMs: 5,
      tenantId: 'tenant',
      appId: 'app',
      details: {
        reason: 'unauthenticated',
        ip: '198.51.100.4',
        protocol: 'http',
        target: { kind: 'key', id: 'k'.repeat(200) },
      },
    },
  ])
})

test('of nobody’s credential it concerns the installation', () => {
  const { deny, heard } = told()
  deny(attempt, NO_OWNER)
  expect(heard.all).toMatchObject([{ appId: undefined, tenantId: undefined }])
})

test('a version that was good once, and a refresh token used twice, are failures', () => {
  const { deny, heard } = told()
  deny({ ...attempt, action: 'auth.retired_version', reason: 'revoked' }, app)
  deny({ ...attempt, action: 'auth.refresh_reused', reason: 'refresh_reused' }, app)
  deny({ ...attempt, action: 'auth.denied', reason: 'operation_denied' }, app)
  expect(heard.take().map(([type]) => type)).toEqual(['auth.failed', 'auth.failed', 'auth.denied'])
})

test('limits are told by those who ask them', () => {
  const { deny, heard, recorded } = told()
  deny({ ...attempt, action: 'limit.exceeded' }, app)
  expect(recorded).toHaveLength(1)
  expect(heard.all).toEqual([])
})
