/**
 * What a person sees in the terminal when a server is up. The secret of the demo app is shown here,
 * once, and nowhere else; the log never has it.
 */
import type { StartedServer } from '../compose.ts'
import { DEMO_TENANT_SHORT_ID, type DemoCredentials } from '../credentials/demo-tenant.ts'

const OWN_LISTENERS = ['pusher', 'wsocket', 'yjs', 'mqttWebSocket'] as const

/** @returns the text, with a line break at the end. */
export function bannerOf({ urls, demoCredentials, hasPages }: StartedServer): string {
  const lines = ['', '  Lockgate is running', '', `    http  ${urls.http}`]
  if (urls.https !== undefined) lines.push(`    https ${urls.https}`)
  if (urls.mqtt !== undefined) lines.push(`    mqtt  ${urls.mqtt}`)
  if (urls.mqtts !== undefined) lines.push(`    mqtts ${urls.mqtts}`)
  for (const name of OWN_LISTENERS) {
    const url = urls[name]
    if (url !== undefined)
      lines.push(`    ${url.startsWith('wss') ? 'wss  ' : 'ws   '} ${url}  (${name} only)`)
  }
  lines.push(`    ops   ${urls.ops}  (/live /ready /metrics)`, '')
  if (hasPages) {
    lines.push(
      `  Open ${urls.http} in a browser to watch events arrive, or`,
      `  ${urls.http}/examples for a chat and a shared editor.`,
      '',
    )
  }
  const text = `${lines.join('\n')}\n`
  return demoCredentials === undefined ? text : text + demoBannerOf(demoCredentials, urls.http)
}

/**
 * The secret is never shown again, so this is printed even where the start failed afterwards.
 * No password for MQTT is made unasked: the text says how to make one.
 */
export function demoBannerOf(demo: DemoCredentials, url?: string): string {
  const lines = [
    '  Demo app, made now; the secret is shown this once:',
    '',
    `    appId   ${demo.appId}`,
    `    key     ${demo.key}`,
    `    secret  ${demo.secret}`,
  ]
  if (url !== undefined) {
    const { hostname, port } = new URL(url)
    lines.push(
      `    host    ${hostname}`,
      `    port    ${port}`,
      '',
      `  MQTT clients connect as me@${DEMO_TENANT_SHORT_ID}, with the password that this prints:`,
      '',
      `    npx lockgate secrets create ${demo.appId} --kind mqtt_user --name me --quiet`,
    )
  }
  return `${lines.join('\n')}\n\n`
}
