/** What the administration changes in memory too, where a test has nothing of it in memory. */
import type { AdministeredParts } from '../../packages/server/src/assembly/administration.ts'
import type { AppLimitBook } from '../../packages/server/src/credentials/app-limits.ts'

export function nothingInMemory(limitBook: AppLimitBook): AdministeredParts {
  return {
    limitBook,
    messaging: {
      memory: { settled: async () => true, endMs: () => Number.MAX_SAFE_INTEGER, forget() {} },
    },
    documents: { opened: { isOpen: () => false, remove: async () => {} } },
  }
}
