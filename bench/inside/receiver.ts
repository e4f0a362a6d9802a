/** Receives posts and says nothing: 204 once the body has been read. Prints `port N`. */
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    await request.arrayBuffer()
    return new Response(null, { status: 204 })
  },
})
process.stdout.write(`port ${server.port}\n`)
