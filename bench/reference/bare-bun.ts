/**
 * Bun.serve with nothing on top: accepts any WebSocket, answers any POST with `{}` after reading
 * its JSON body. What is above its cost is ours. With the word `closing` it also closes all its
 * sockets in one loop when it is asked to. Prints `port N`; 127.0.0.1 only.
 */
const JSON_HEADERS = { 'content-type': 'application/json' }

const isClosing = process.argv[2] === 'closing'
const sockets = new Set<Bun.ServerWebSocket>()

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, self) {
    if (request.method === 'GET') {
      return self.upgrade(request) ? undefined : new Response('upgrade only', { status: 426 })
    }
    await request.json()
    for (const socket of sockets) socket.close(4009, 'Everything this rests on was revoked.')
    return new Response('{}', { headers: JSON_HEADERS })
  },
  websocket: {
    ...(isClosing
      ? {
          open: (socket) => void sockets.add(socket),
          close: (socket) => void sockets.delete(socket),
        }
      : {}),
    message: () => undefined,
  },
})

process.stdout.write(`port ${server.port}\n`)
