import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { CALLER, openCoreWorld } from '../../../../../test/support/credential-core.ts'
import { declareTenant, TENANT_ID } from '../../../../../test/support/declared-tenant.ts'
import { newestKeyOf, signingKeysOf } from './signing-keys.ts'

const HOUR_MS = 3_600_000
const STEPS = ['rotate', 'stage', 'promote', 'discard', 'rollback', 'revoke', 'wait'] as const

test('whatever became of a secret, only current and previous versions sign, the current one first', async () => {
  const steps = fc.array(fc.constantFrom(...STEPS), { maxLength: 14 })
  await fc.assert(
    fc.asyncProperty(steps, async (taken) => {
      const world = await openCoreWorld()
      await declareTenant(world)
      const { changes, authority } = world.core
      const owner = { tenantId: TENANT_ID, appId: 'app' }
      const request = { ...owner, kind: 'webhook_secret' as const, name: 'w', attributes: {} }
      const made = await changes.create(request, CALLER)
      if (!made.ok) throw new Error(made.refusal)
      const { id: credentialId } = made.value.credential
      const endpoint = { format: 'standard' as const, credentialId }
      for (const step of taken) {
        const of = { credentialId, reason: 'a test', overlapMs: HOUR_MS }
        if (step === 'wait') world.time.ms += HOUR_MS / 2
        else await changes[step](of, CALLER)
        const loaded = authority.apps.findById('app')
        if (loaded === undefined) throw new Error('the app is gone')
        const nowMs = world.time.ms
        const versions = authority.findCredential(credentialId)?.versions ?? []
        const stateOf = (id: string) => versions.find((each) => each.id === id)?.state
        const keys = signingKeysOf(loaded, endpoint, nowMs)
        const ids = keys?.format === 'standard' ? keys.keys.map(({ versionId }) => versionId) : []
        const states = ids.map(stateOf).join(' ')
        expect(['', 'current', 'previous', 'current previous']).toContain(states)
        const ended = versions.filter(({ acceptUntilMs = nowMs + 1 }) => acceptUntilMs <= nowMs)
        for (const { id, state } of ended) if (state === 'previous') expect(ids).not.toContain(id)
        const asked = newestKeyOf(loaded, endpoint, nowMs)?.versionId
        const isPending = versions.some(({ state }) => state === 'pending')
        if (isPending) expect(stateOf(asked ?? '')).toBe('pending')
        else expect([undefined, 'current']).toContain(stateOf(asked ?? ''))
      }
    }),
    { numRuns: 80 },
  )
})
