/** The method and path of each operation, as code that loads no schema. */
import { OPERATIONS } from '../packages/admin-api/src/operations.ts'

const HEAD = `/**
 * Written by scripts/docs.ts from the table of operations: npm run fix. What a caller needs at run
 * time, without the schemas.
 */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
}

export const ROUTES = {
`

/** @returns the text of `packages/admin-api/src/generated/routes.ts`; one line for each operation. */
export function adminRoutes(): string {
  const lines = Object.entries(OPERATIONS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { method, path }]) => `  '${name}': { method: '${method}', path: '${path}' },\n`)
  return `${HEAD}${lines.join('')}} as const satisfies Record<string, Route>\n`
}
