/**
 * One rotation without a gap: the new version is accepted before it is deployed, and the old one is
 * accepted until nobody uses it. Each step can be repeated by hand where the program ends between.
 */
import { type AdminClient, valueOrThrow } from '@lockgate/admin-api/client'
import type { System } from './system.ts'

export interface RotationOptions {
  readonly credentialId: string
  /**
   * Puts the new value where the consumers get it. The old value stays valid until they have taken
   * it up; should this throw, nothing has changed.
   */
  readonly deploy: (value: string) => void | Promise<void>
  /** How long the old version is accepted at most. Absent: as the credential's policy says. */
  readonly overlapSeconds?: number
  /** How long to wait for the last user of the old version; 0 unless given: one look. */
  readonly waitMs?: number
  /** A value of your own; absent: the server makes one. */
  readonly value?: string
  /** Goes into the audit log. */
  readonly reason?: string
}

export interface RotationOutcome {
  /** Of the new version, which is current. */
  readonly versionId: string
  /** False: it is accepted until its overlap ends, or until you disable it. */
  readonly isOldDisabled: boolean
  /** Who still uses the old version, for people to read. */
  readonly blockers: readonly string[]
}

const POLL_MS = 5_000

export async function rotateCredential(
  admin: AdminClient,
  options: RotationOptions,
  { now, pause }: Pick<System, 'now' | 'pause'>,
): Promise<RotationOutcome> {
  const { overlapSeconds, waitMs = 0 } = options
  const { parameters, because } = commonOf(options)
  const value = options.value === undefined ? {} : { value: options.value }
  const staged = valueOrThrow(
    await admin.call('credentials.stage', { parameters, body: { ...because, ...value } }),
  )
  const { versionId } = staged
  await deployOrDiscard(admin, options, staged.value ?? options.value)
  const overlap = overlapSeconds === undefined ? {} : { overlapSeconds }
  const promoted = valueOrThrow(
    await admin.call('credentials.promote', { parameters, body: { ...because, ...overlap } }),
  )
  const old = promoted.versions.find(({ state }) => state === 'previous')
  if (old === undefined) return { versionId, isOldDisabled: true, blockers: [] }
  const endMs = now() + waitMs
  for (;;) {
    const { canDisable, blockers } = valueOrThrow(
      await admin.call('credentials.readiness', { parameters }),
    )
    if (canDisable) {
      const body = { ...because, versionId: old.id }
      const disabled = await admin.call('credentials.disable', { parameters, body })
      if (disabled.ok) return { versionId, isOldDisabled: true, blockers: [] }
      // Somebody came with it between the look and the step.
      if (disabled.problem.code !== 'still_in_use') throw disabled.problem
    }
    if (now() >= endMs) return { versionId, isOldDisabled: false, blockers }
    await pause(Math.min(POLL_MS, endMs - now()))
  }
}

async function deployOrDiscard(
  admin: AdminClient,
  options: RotationOptions,
  value: string | undefined,
): Promise<void> {
  try {
    if (value === undefined) throw new TypeError('The server gave no value to deploy.')
    await options.deploy(value)
  } catch (failure) {
    const { parameters, because } = commonOf(options)
    const discarded = await admin.call('credentials.discard', { parameters, body: because })
    if (!discarded.ok) {
      const text = 'The new value was not deployed, and its version is still accepted.'
      throw new AggregateError([failure, discarded.problem], text, { cause: failure })
    }
    throw failure
  }
}

function commonOf({ credentialId, reason }: RotationOptions) {
  return { parameters: { credentialId }, because: reason === undefined ? {} : { reason } }
}
