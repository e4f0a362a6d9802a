/**
 * What a person sees in the terminal when a server is up. The secret of the demo app is shown here,
 * once, and nowhere else; the log never has it.
 */
import type { StartedServer } from '../compose.ts'

/** @returns the text, with a line break at the end. */
export function bannerOf({ urls, demoCredentials }: StartedServer): string {
  const lines = ['', '  Lockgate is running', '', `    http  ${urls.http}`]
  if (urls.https !== undefined) lines.push(`    https ${urls.https}`)
  if (urls.mqtt !== undefined) lines.push(`    mqtt  ${urls.mqtt}`)
  if (urls.mqtts !== undefined) lines.push(`    mqtts ${urls.mqtts}`)
  lines.push(`    ops   ${urls.ops}  (/live /ready /metrics)`, '')
  if (demoCredentials !== undefined) {
    const { hostname, port } = new URL(urls.http)
    lines.push(
      '  Demo app, made now; the secret is shown this once:',
      '',
      `    appId   ${demoCredentials.appId}`,
      `    key     ${demoCredentials.key}`,
      `    secret  ${demoCredentials.secret}`,
      `    host    ${hostname}`,
      `    port    ${port}`,
      '',
      `  Open ${urls.http} in a browser to watch events arrive.`,
      '',
    )
  }
  return `${lines.join('\n')}\n`
}
