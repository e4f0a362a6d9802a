/**
 * An app key is unique over all regions: it is taken in the control database before its credential
 * is made in the region, and confirmed after. A crash in between is finished at the next start.
 */
import type { Result } from '@lockgate/protocol/result'
import type { AdminRefusalCode } from '../../core/admin-refusals.ts'
import type { CredentialRecord } from '../../ports/records/credential.ts'
import { namesOfCredential, reserved } from '../app-names.ts'
import type { AdministrationDeps } from './context.ts'

/**
 * Key ids are long random texts, so only app keys have to be taken.
 * @param save makes the credential; where it is refused the names are given back.
 * @throws Outage: the credential is whole or absent, and so are its names after the next start.
 */
export async function withNames(
  credential: CredentialRecord,
  { store, authority, clock }: Pick<AdministrationDeps, 'store' | 'authority' | 'clock'>,
  save: () => Promise<Result<true, AdminRefusalCode>>,
): Promise<Result<true, AdminRefusalCode>> {
  const names = namesOfCredential(credential).filter(({ kind }) => kind === 'app_key')
  const { appId } = credential
  const app = appId === undefined ? undefined : authority.apps.findById(appId)?.app
  if (names.length === 0 || app === undefined) return save()
  const entries = reserved(names, app, clock.nowMs())
  await store.control.transaction((each) => each.reserveNames(entries))
  const saved = await save()
  await store.control.transaction((each) =>
    saved.ok ? each.confirmNames(app.id) : each.releaseNames(names),
  )
  return saved
}
