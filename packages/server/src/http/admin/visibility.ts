/** What a list shows to whom, and how its records are shown. Pure. */
import { ok, type Result } from '@lockgate/protocol/result'
import type { OperatorPrincipal } from '../../credentials/operators.ts'
import type { Page } from './paging.ts'

/** Lists leave out what another tenant has; they never say that something was left out. */
export function maySee({ tenantId }: Pick<OperatorPrincipal, 'tenantId'>, id: string): boolean {
  return tenantId === undefined || tenantId === id
}

/** @returns the page with its records as callers see them. */
export function shownPage<T, R extends string>(
  page: Result<Page<T>, R>,
  show: (record: T) => unknown,
): Result<Page<unknown>, R> {
  return page.ok ? ok({ ...page.value, items: page.value.items.map(show) }) : page
}
