/**
 * Bun.serve with nothing on top: accepts any WebSocket, answers any POST with `{}` after reading
 * its JSON body. What is above its cost is ours. Prints `port N`; 127.0.0.1 only.
 */
const JSON_HEADERS = { 'content-type': 'application/json' }

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request, self) {
    if (request.method === 'GET') {
      return self.upgrade(request) ? undefined : new Response('upgrade only', { status: 426 })
    }
    await request.json()
    return new Response('{}', { headers: JSON_HEADERS })
  },
  websocket: { message: () => undefined },
})

process.stdout.write(`port ${server.port}\n`)
