/**
 * How long until the last of ten thousand connections was told that it is over: from the request
 * to the last close frame at the clients, on a server that has just started.
 */
import { readFileSync } from 'node:fs'
import { generate, type CloseResult } from './generator.ts'
import { connectionCount, type Reading, type Settings } from './measure.ts'
import { requestText, writeRequest } from './requests.ts'
import { median } from './median.ts'
import { APP, ROTATED_APP, type Server } from './servers.ts'

/** In each of five runs: twenty together. */
const TRIAL_COUNT = 4
/** Between the last subscription and the revocation, so that nothing else is going on. */
const SETTLE_SECONDS = 1.5
const OVERLAP_SECONDS = 3_600

interface Trial {
  readonly request: string
  readonly app: { readonly id: string; readonly key: string }
  /** What clients sign their subscriptions with. */
  readonly secret: string
}

/** Makes what one trial revokes. */
type Prepare = () => Promise<Trial>

/** Everything of an app at once, with a code on which clients do not come back. */
export function measureAppRevocation(server: Server, settings: Settings): Promise<Reading> {
  const body = { kind: 'app', appId: APP.id, reason: 'bench' }
  const request = isBare(server)
    ? requestText('/close', body)
    : requestText('/admin/v1/revocations', body, [authorization(settings)])
  return measureTrials(server, settings, async () => ({ request, app: APP, secret: APP.secret }))
}

/** What one version of the signing secret authorized, spread because clients come back at once. */
export async function measureVersionRevocation(
  server: Server,
  settings: Settings,
): Promise<Reading> {
  if (isBare(server)) return measureAppRevocation(server, settings)
  const path = await signingPath(server, settings)
  let current = await administer(server, settings, { path: `${path}/rotate`, body: ROTATION })
  return measureTrials(server, settings, async () => {
    const { versionId, value: secret } = current
    current = await administer(server, settings, { path: `${path}/rotate`, body: FORCED })
    const body = { versionId, reason: 'bench' }
    const request = requestText(`/admin/v1${path}/revoke`, body, [authorization(settings)])
    return { request, app: ROTATED_APP, secret }
  })
}

const ROTATION = { overlapSeconds: OVERLAP_SECONDS }
const FORCED = { ...ROTATION, force: true, reason: 'bench' }

async function measureTrials(
  server: Server,
  settings: Settings,
  prepare: Prepare,
): Promise<Reading> {
  const count = connectionCount(settings)
  const trials: CloseResult[] = []
  while (trials.length < (settings.isQuick ? 1 : TRIAL_COUNT)) {
    const { request, app, secret } = await prepare()
    trials.push(
      await generate<CloseResult>({
        program: settings.programs.load,
        mode: 'close',
        options: {
          port: server.port,
          pid: server.pid,
          protocol: server.protocol,
          count,
          app: app.id,
          key: app.key,
          secret,
          channel: 'private-revoked',
          hold: SETTLE_SECONDS,
          request: writeRequest(settings, 'close.request', request),
        },
      }),
    )
  }
  const lasts = trials.map(({ lastMs }) => lastMs)
  const cpuMs = trials.map(({ close }) => (close.userSeconds + close.systemSeconds) * 1000)
  return {
    values: {
      connections: count,
      worstMs: Math.max(...lasts),
      lastMs: median(lasts),
      halfMs: median(trials.map(({ latencyUs }) => latencyUs.p50 / 1000)),
      cpuMs: median(cpuMs),
    },
    ...contentionOfTrials(trials),
  }
}

/** Of all trials together: the kernel's ticks are too coarse for one. */
function contentionOfTrials(trials: readonly CloseResult[]): { contention?: number } {
  const sum = (of: (one: CloseResult['close']) => number) =>
    trials.reduce((total, { close }) => total + of(close), 0)
  const foreign = sum((one) => one.coreBusySeconds - one.userSeconds - one.systemSeconds)
  return { contention: foreign / sum((one) => one.seconds) }
}

interface AdminAnswer {
  readonly versionId: string
  readonly value: string
  readonly items: readonly { readonly id: string; readonly kind: string }[]
}

async function administer(
  server: Server,
  settings: Settings,
  call: { readonly path: string; readonly body?: object },
): Promise<AdminAnswer> {
  const [name = '', value = ''] = authorization(settings).split(': ')
  const answer = await fetch(`http://127.0.0.1:${server.port}/admin/v1${call.path}`, {
    headers: { [name]: value, 'content-type': 'application/json' },
    ...(call.body === undefined ? {} : { method: 'POST', body: JSON.stringify(call.body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${call.path} answered ${answer.status}: ${text}`)
  return JSON.parse(text) as AdminAnswer
}

/** @returns the path of the credential whose key the generator uses. */
async function signingPath(server: Server, settings: Settings): Promise<string> {
  const { items } = await administer(server, settings, {
    path: `/apps/${ROTATED_APP.id}/credentials`,
  })
  const found = items.find(({ kind }) => kind === 'signing_secret')
  if (found === undefined) throw new Error('the app has no signing secret')
  return `/credentials/${found.id}`
}

function authorization({ installation }: Settings): string {
  return `Authorization: Bearer ${readFileSync(installation.operatorKeyFile, 'utf8').trim()}`
}

function isBare({ protocol }: Server): boolean {
  return protocol === 'raw'
}
