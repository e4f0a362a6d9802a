/**
 * The reference server of y-websocket, in memory, on Node. Says `port N`; 127.0.0.1 only.
 */
import { createServer } from 'node:http'
import { setupWSConnection } from '@y/websocket-server/utils'
import { WebSocketServer } from 'ws'

const http = createServer()
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false })
sockets.on('connection', setupWSConnection)
http.listen(0, '127.0.0.1', 10_000, () => {
  const address = http.address()
  if (address !== null && typeof address === 'object') console.log(`port ${address.port}`)
})
