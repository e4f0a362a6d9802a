/** One server and a set of client libraries for the length of a test file. */
import { after, before } from 'node:test'
import { Clients } from './clients.ts'
import { type LiveServer, type ServerOptions, startServer } from './server.ts'

export interface Serving {
  readonly server: LiveServer
  readonly clients: Clients
}

/** Starts a server before the tests of the file and stops it after them, clients first. */
export function serving(options: ServerOptions): Serving {
  let server: LiveServer | undefined
  const clients = new Clients(() => started(server))
  before(async () => {
    server = await startServer(options)
  })
  after(async () => {
    clients.closeAll()
    await server?.stop()
  })
  return {
    clients,
    get server() {
      return started(server)
    },
  }
}

function started(server: LiveServer | undefined): LiveServer {
  if (server === undefined) throw new Error('the server is used before the first test')
  return server
}
