/**
 * The common way to fan out in Node: package `ws`, one `ws.send` per client and message. What the
 * connection opened at /publish sends goes to all others. Prints `port N`; 127.0.0.1 only.
 */
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false })
/** @type {Set<import('ws').WebSocket>} */
const subscribers = new Set()

server.on('connection', (socket, request) => {
  // A reset by the generator at the end of a run; `close` follows.
  socket.on('error', () => undefined)
  if (request.url === '/publish') {
    socket.on('message', (data) => {
      for (const subscriber of subscribers) subscriber.send(data, { binary: false })
    })
    return
  }
  subscribers.add(socket)
  socket.on('close', () => subscribers.delete(socket))
})

server.on('listening', () => {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP listener')
  process.stdout.write(`port ${address.port}\n`)
})
