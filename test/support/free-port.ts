/** Ports for programs that have to be told theirs. */
import { createServer } from 'node:net'

/** @returns one of 127.0.0.1 that nothing used a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      probe.close(() => resolve(port))
    })
  })
}
