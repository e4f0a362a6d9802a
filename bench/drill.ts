/** The long rotation drill (`test/support/drill.ts`) as a scenario: what counts is that nothing fails. */
import { readFileSync } from 'node:fs'
import { Administration } from '../test/support/administration.ts'
import { runDrill } from '../test/support/drill.ts'
import type { Reading, Settings } from './measure.ts'
import { CLIENT, DRILLED_APP, type Server, TENANT_ID } from './servers.ts'

const SECONDS = 60
const SUBSCRIBER_COUNT = 50

/** @returns what was asked, delivered and rotated, and how much of it went wrong. */
export async function measureDrill(server: Server, settings: Settings): Promise<Reading> {
  const http = `http://127.0.0.1:${server.port}`
  const { id, key, secret } = DRILLED_APP
  const outcome = await runDrill({
    place: { http, app: { id, key }, clientId: CLIENT.drillId, channel: 'private-drill' },
    tenantId: TENANT_ID,
    signingSecret: secret,
    clientSecret: CLIENT.secret,
    administrationBy: (by) => new Administration(() => ({ http }), by),
    operatorKey: readFileSync(settings.installation.operatorKeyFile, 'utf8').trim(),
    connect(url, told) {
      const socket = new WebSocket(url)
      socket.onmessage = ({ data }) => told.message(String(data))
      socket.onclose = ({ code }) => told.closed(code)
      return socket
    },
    subscriberCount: SUBSCRIBER_COUNT,
    seconds: settings.isQuick ? 1 : SECONDS,
  })
  for (const failure of outcome.failures) process.stderr.write(`drill: ${failure}\n`)
  const { requests, failed, deliveries, wrong, closed, rotations } = outcome
  return { values: { requests, failed, deliveries, wrong, closed, rotations } }
}
