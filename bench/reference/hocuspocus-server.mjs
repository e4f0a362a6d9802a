/**
 * Hocuspocus as its page shows it, in memory, on Node: what a document keeps is read once from the
 * file named by the first argument, where there is one. Says `port N`; 127.0.0.1 only.
 */
import { readFileSync } from 'node:fs'
import { Server } from '@hocuspocus/server'
import * as Y from 'yjs'

const [, , kept] = process.argv
const server = new Server({
  address: '127.0.0.1',
  port: 0,
  quiet: true,
  stopOnSignals: true,
  ...(kept === undefined
    ? {}
    : {
        async onLoadDocument({ document }) {
          Y.applyUpdate(document, readFileSync(kept))
        },
      }),
})
await server.listen(0)
console.log(`port ${server.address.port}`)
