/**
 * Serves the page and the route handler, in place of Next.js. Bun runs TypeScript and bundles the
 * page; `next/server` and `@/lib/auth` are named in tsconfig.json.
 */
import { POST } from './app/api/mqtt-token/route.ts'
import { requests } from './lib/auth.ts'

const { PORT = '3000', MQTT_HOST = 'wss://127.0.0.1:8443/mqtt' } = process.env
const folder = import.meta.dirname
const page = await Bun.build({
  entrypoints: [`${folder}/page.ts`],
  target: 'browser',
  minify: true,
})

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(PORT),
  routes: {
    '/': () => new Response(Bun.file(`${folder}/page.html`)),
    '/page.js': () => new Response(page.outputs[0]),
    '/config': () => Response.json({ host: MQTT_HOST }),
    '/sign-in': {
      async POST(request) {
        const email = new URLSearchParams(await request.text()).get('email') ?? ''
        const cookie = `email=${encodeURIComponent(email)}; HttpOnly; SameSite=Strict; Path=/`
        return new Response(null, { status: 204, headers: { 'set-cookie': cookie } })
      },
    },
    '/api/mqtt-token': { POST: (request) => requests.run(request, POST) },
  },
})
console.log(`http://127.0.0.1:${server.port}`)
