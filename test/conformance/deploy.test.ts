/** The dashboard and the alert rules in deploy/: every name in them is one of a running server. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { parse } from 'yaml'
import { Administration, ownerKey } from '../support/administration.ts'
import { EventReceiver } from '../support/event-receiver.ts'
import { post, send } from '../support/http.ts'
import { type NamedInQuery, namedInQuery } from '../support/prom-query.ts'
import { ALICE, connect, loginOf, USERS } from '../support/mqtt-clients.ts'
import { app, type LiveServer, repositoryRoot, startServer } from '../support/server.ts'
import { test } from '../support/test.ts'
import { until } from '../support/wait.ts'

/** What is said of a scrape by Prometheus itself, and the labels it gives to every series. */
const OWN_METRICS = ['up']
const OWN_LABELS = ['job', 'instance']
const DASHBOARD = 'deploy/grafana/lockgate.json'
const RULES = 'deploy/prometheus/lockgate.rules.yml'
const EXPORTED_MS = 45_000

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

interface Variable {
  readonly name: string
  readonly type: string
  /** Text, or an object with the text. */
  readonly query: unknown
}

const read = (path: string) => readFileSync(join(repositoryRoot(), path), 'utf8')
const dashboard = JSON.parse(read(DASHBOARD))
const panels: readonly Panel[] = dashboard.panels
const variables: readonly Variable[] = dashboard.templating.list
const rules = parse(read(RULES))

const home = mkdtempSync(join(tmpdir(), 'lockgate-deploy-'))
const dataDir = join(home, 'data')
let server: LiveServer
let receiver: EventReceiver
const admin = new Administration(
  () => server,
  () => ownerKey(dataDir),
)
const LIMITED = app('limited', { ...USERS, limits: ['http_publish.app 1/1m'] })
const SHADOWED = app('shadowed', { limits: ['http_publish.app 1/1m shadow'] })

before(async () => {
  receiver = await EventReceiver.open()
  const secret = `whsec_${Buffer.from('a secret of the receiver, 32 byte').toString('base64')}`
  const webhook = { name: 'hook', url: receiver.url, events: ['message.published'], secret }
  server = await startServer({
    apps: [{ ...LIMITED, webhooks: [webhook] }, SHADOWED],
    dataDir,
    config: {
      outbound: { allowedNetworks: ['127.0.0.0/8'] },
      audit: { witnessFile: join(home, 'witness'), checkpointSeconds: 5 },
      smtp: { url: 'smtp://127.0.0.1:9', from: 'lockgate@example.com' },
      alerts: { mailTo: ['ops@example.com'] },
    },
  })
})
after(async () => {
  await receiver.close()
  await server.stop()
  rmSync(home, { recursive: true, force: true })
})

/** Of a metric without any series there is nothing to tell; so a little of everything happens. */
async function happen(): Promise<void> {
  const event = { channel: 'news', name: 'n', data: 'd' }
  for (const each of [LIMITED, LIMITED, SHADOWED, SHADOWED])
    await post(server, each, ['/events', event])
  const wrong = 'auth_key=limited-key&auth_timestamp=1&auth_version=1.0&auth_signature=x'
  await send(server.http, { method: 'GET', target: `/apps/limited/channels?${wrong}` })
  const body = { kind: 'api_key', name: 'old' }
  const made = await admin.done('credentials.create', { parameters: { appId: 'limited' }, body })
  const { id: credentialId } = made.credential
  const rotation = { parameters: { credentialId }, body: { overlapSeconds: 3_600 } }
  await admin.done('credentials.rotate', rotation)
  const headers = { authorization: `Bearer ${String(made.value)}` }
  await send(server.http, { method: 'GET', target: '/apps/limited/channels', headers })
  const viewer = await admin.done('operators.create', { body: { name: 'v', role: 'viewer' } })
  await admin.as(String(viewer.value)).refused('operators.list')
  await assert.rejects(connect(server.mqtt, { ...loginOf(ALICE), password: 'wrong' }))
  const device = await connect(server.mqtt, { ...loginOf(ALICE), protocolVersion: 5 })
  await assert.rejects(device.client.publishAsync('$SYS/x', 'x', { qos: 1 }))
  await device.end()
}

/** @returns the labels of each metric that is exported. */
async function exported(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const text = await (await fetch(`${server.ops}/metrics`)).text()
  const metrics = new Map<string, Set<string>>()
  for (const [, name = ''] of text.matchAll(/^# TYPE (\S+) /gm)) metrics.set(name, new Set())
  for (const [, name = '', inside = ''] of text.matchAll(/^(\w+)\{([^}]*)\}/gm)) {
    for (const [, label = ''] of inside.matchAll(/(\w+)="/g)) metrics.get(name)?.add(label)
  }
  return metrics
}

function assertKnown(
  where: string,
  named: NamedInQuery,
  known: ReadonlyMap<string, ReadonlySet<string>>,
) {
  assert.deepEqual(named.problems, [], where)
  assert.ok(named.metrics.length > 0, where)
  for (const metric of named.metrics) {
    assert.ok(
      known.has(metric) || OWN_METRICS.includes(metric),
      `${where}: ${metric} is not exported`,
    )
  }
  for (const { name, of } of named.labels) {
    const isThere = OWN_LABELS.includes(name) || of.some((metric) => known.get(metric)?.has(name))
    assert.ok(isThere, `${where}: ${of.join()} has no label ${name}`)
  }
}

const variablesOf = (text: string) =>
  Array.from(text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g), ([, name = '']) => name)

test('every metric and label of the dashboard and of the rules is exported', async () => {
  await happen()
  const queries = [
    ...panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr, legendFormat }) => ({ where: title, expr, texts: [legendFormat] })),
    ),
    ...variables.flatMap(({ name, type, query }) =>
      type === 'query' ? [{ where: name, expr: Object(query).query, texts: [] }] : [],
    ),
    ...rules.groups.flatMap(({ rules: each }: { rules: readonly Rule[] }) =>
      each.map(({ alert, expr, annotations }) => ({
        where: alert,
        expr,
        texts: Object.values(annotations),
      })),
    ),
  ]
  assert.ok(queries.length > 50)
  const known = await until(
    'every label has come up',
    async () => {
      const metrics = await exported()
      const needed = queries.flatMap(({ expr }) => namedInQuery(expr).labels)
      const isThere = ({ name, of }: NamedInQuery['labels'][number]) =>
        OWN_LABELS.includes(name) || of.some((each) => metrics.get(each)?.has(name))
      return needed.every(isThere) ? metrics : undefined
    },
    EXPORTED_MS,
  ).catch(exported)
  for (const { where, expr, texts } of queries) {
    const named = namedInQuery(expr)
    assertKnown(where, named, known)
    const labels = new Set(named.metrics.flatMap((each) => [...(known.get(each) ?? [])]))
    for (const name of texts.flatMap(variablesOf)) {
      assert.ok(labels.has(name) || OWN_LABELS.includes(name), `${where}: no label ${name} to show`)
    }
  }
})

test('a name that is not exported, and what is no query, would be noticed', () => {
  const known = new Map([['lockgate_bugs_total', new Set(['code'])]])
  for (const [query, what] of [
    ['rate(lockgate_bug_total[5m])', /lockgate_bug_total is not exported/],
    ['sum by (kind) (lockgate_bugs_total)', /no label kind/],
    ['lockgate_bugs_total{reason="x"}', /no label reason/],
    ['rat(lockgate_bugs_total[5m])', /no function: rat/],
    ['rate(lockgate_bugs_total[5m]', /brackets do not fit/],
    ['lockgate_bugs_total{code}', /no matcher/],
    ['1 > 0', /a query of nothing/],
  ] as const) {
    assert.throws(() => assertKnown('a query of nothing', namedInQuery(query), known), what)
  }
  assertKnown('right', namedInQuery('sum by (code) (rate(lockgate_bugs_total[5m])) > 0'), known)
})

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

test('the rules are of the form Prometheus takes, each once and with what to do', () => {
  assert.deepEqual(Object.keys(rules), ['groups'])
  for (const group of rules.groups) {
    assert.deepEqual(Object.keys(group), ['name', 'rules'])
    const names = group.rules.map(({ alert }: Rule) => alert)
    assert.equal(new Set(names).size, names.length)
    for (const rule of group.rules as readonly Rule[]) {
      const { alert, expr, for: duration = '0s', labels, annotations, ...rest } = rule
      assert.deepEqual(rest, {}, alert)
      assert.match(alert, /^Lockgate[A-Z]\w+$/)
      assert.match(duration, /^\d+[smh]$/)
      assert.match(expr, /[<>=]/, `${alert} compares nothing`)
      assert.match(String(labels['severity']), /^(?:warning|critical)$/)
      assert.deepEqual(Object.keys(annotations).sort(), ['description', 'summary'])
    }
  }
})

test('the dashboard is one Grafana can show: ids once, panels beside each other, no data source fixed', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  assert.ok(dashboard.schemaVersion >= 39)
  const sources = JSON.stringify(dashboard).match(/"uid":"[^"]*"/g) ?? []
  assert.deepEqual([...new Set(sources)].sort(), ['"uid":"${datasource}"', '"uid":"lockgate"'])
  panels.forEach(({ gridPos: one, title }, index) => {
    assert.ok(one.x + one.w <= 24, title)
    for (const { gridPos: two, title: other } of panels.slice(index + 1)) {
      const isApart =
        one.x + one.w <= two.x ||
        two.x + two.w <= one.x ||
        one.y + one.h <= two.y ||
        two.y + two.h <= one.y
      assert.ok(isApart, `${title} lies over ${other}`)
    }
  })
})
