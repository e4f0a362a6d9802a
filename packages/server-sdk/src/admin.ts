/**
 * The administration of Lockgate from a program: every operation of its table, typed, over an
 * operator key; and one rotation from beginning to end. Web standards only.
 */
import {
  type AdminClient,
  createAdminClient,
  type ItemOf,
  type ListName,
  type ResultOf,
} from '@lockgate/admin-api/client'
import type { OperationName } from '@lockgate/admin-api/operations'
import { type RotationOptions, type RotationOutcome, rotateCredential } from './admin-rotation.ts'
import { checkedUrl } from './endpoint-url.ts'
import { type System, SYSTEM } from './system.ts'

export { valueOrThrow } from '@lockgate/admin-api/client'
export { AdminProblem, AdminUnreachable } from '@lockgate/admin-api/problem'
export type { ItemOf, ListName, OperationName, ResultOf, RotationOptions, RotationOutcome }

export interface LockgateAdminOptions {
  /** Where the server is, a path prefix included: `https://realtime.example.com/lockgate`. */
  readonly url: string
  /**
   * An operator key. A function is asked for each call, so that a rotated key is taken up;
   * `operatorKeyFile` makes one that reads a file.
   */
  readonly operatorKey: string | (() => string | Promise<string>)
  /** Names your program in the audit log. */
  readonly agent?: string
  /** Of one attempt; 30 s unless given. */
  readonly timeoutMs?: number
  /** Attempts after the first; 3 unless given. Calls are safe to repeat. */
  readonly retryCountMax?: number
  /** Lets the operator key travel to another machine without TLS. */
  readonly dangerousPlainHttp?: boolean
}

export interface LockgateAdmin extends AdminClient {
  /**
   * Stages a new version, hands its value to `deploy`, makes it current while the old one is still
   * accepted, and disables the old one as soon as nobody uses it.
   * @throws AdminProblem, AdminUnreachable, or what `deploy` threw; then the new version is
   *   discarded and everything is as before.
   */
  rotate(options: RotationOptions): Promise<RotationOutcome>
}

/** @throws TypeError for an address that the key must not be sent to. */
export function createLockgateAdmin(
  options: LockgateAdminOptions,
  system: Pick<System, 'now' | 'pause'> = SYSTEM,
): LockgateAdmin {
  const { operatorKey: key, dangerousPlainHttp = false, ...rest } = options
  checkedUrl(options.url, dangerousPlainHttp)
  const client = createAdminClient({ ...rest, key })
  return { ...client, rotate: (rotation) => rotateCredential(client, rotation, system) }
}
