/** When a credential has to be rotated, by the greatest age its policy allows. Pure. */
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { currentVersion } from './reading.ts'

/** Days before the due date at which people are reminded; the first makes it `due_soon`. */
export const REMINDER_DAYS = [30, 14, 7, 1] as const

const DAY_MS = 86_400_000

export interface DueState {
  /** `due` on the day itself, `overdue` from a day after; `none` without a policy or version. */
  readonly state: 'none' | 'ok' | 'due_soon' | 'due' | 'overdue'
  readonly dueAtMs: number | undefined
  /** The latest reminder that has come up: one of {@link REMINDER_DAYS}. */
  readonly reminderDays: number | undefined
}

/** Counts from the first activation of the current version: a rollback makes no value younger. */
export function dueState(credential: CredentialRecord, nowMs: number): DueState {
  const { maxAgeDays } = credential.policy
  const activatedAtMs = currentVersion(credential)?.activatedAtMs
  if (maxAgeDays === undefined || activatedAtMs === undefined) {
    return { state: 'none', dueAtMs: undefined, reminderDays: undefined }
  }
  const dueAtMs = activatedAtMs + maxAgeDays * DAY_MS
  const leftDays = (dueAtMs - nowMs) / DAY_MS
  // Reminders that reach back to the activation itself would be noise from the first day on.
  const reminderDays = REMINDER_DAYS.filter((days) => days < maxAgeDays && leftDays <= days).at(-1)
  if (leftDays <= -1) return { state: 'overdue', dueAtMs, reminderDays }
  if (leftDays <= 0) return { state: 'due', dueAtMs, reminderDays }
  return { state: reminderDays === undefined ? 'ok' : 'due_soon', dueAtMs, reminderDays }
}
