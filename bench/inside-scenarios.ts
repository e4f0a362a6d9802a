/** What is measured inside one process, beside the same work without us; nothing is started. */
import { countFsyncs, measureInside } from './inside.ts'
import type { Scenario } from './scenarios.ts'

export const INSIDE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'credential-check',
    title: 'Who a credential belongs to, inside the process, per check',
    columns: [
      { key: 'tokenUs', title: 'access token us', digits: 1 },
      { key: 'cachedUs', title: 'seen before us', digits: 2 },
      { key: 'keyUs', title: 'API key us', digits: 2 },
      { key: 'checksumUs', title: 'wrong checksum us', digits: 2 },
      { key: 'wrongUs', title: 'wrong secret us', digits: 2 },
      { key: 'storeCalls', title: 'calls of the store', digits: 0 },
    ],
    servers: ['lockgate', 'sign'],
    run: (server, settings) =>
      measureInside(server === 'sign' ? 'es256' : 'credential-check', settings),
  },
  {
    name: 'audit',
    title: 'Audit rows in their chain, durable, 64 in flight',
    columns: [
      { key: 'appendRate', title: 'rows per second', digits: 0 },
      { key: 'changeRate', title: 'changes per second', digits: 0 },
      { key: 'fsyncs', title: 'fsyncs per change', digits: 2 },
    ],
    servers: ['lockgate', 'commit'],
    run: async (server, settings) => {
      if (server === 'commit') return measureInside('sqlite-commit', settings)
      const reading = await measureInside('audit', settings)
      const fsyncs = settings.isQuick ? undefined : await countFsyncs(settings.installation.folder)
      return fsyncs === undefined ? reading : { ...reading, values: { ...reading.values, fsyncs } }
    },
  },
  {
    name: 'mqtt-codec',
    title: 'MQTT 5.0 PUBLISH with QoS 1, inside the process, per packet',
    columns: [
      { key: 'decodeUs', title: 'decode us', digits: 3 },
      { key: 'encodeUs', title: 'encode us', digits: 3 },
      { key: 'letThrough', title: 'malformed let through', digits: 0 },
      { key: 'malformed', title: 'of', digits: 0 },
    ],
    servers: ['lockgate', 'packet'],
    run: (server, settings) =>
      measureInside(server === 'packet' ? 'mqtt-packet' : 'mqtt-codec', settings),
  },
  {
    name: 'rule-decision',
    title: 'Whether 100 rules with placeholders allow it, inside the process, per decision',
    columns: [
      { key: 'publishUs', title: 'publish us', digits: 2 },
      { key: 'subscribeUs', title: 'subscribe us', digits: 2 },
      { key: 'madeObjects', title: 'objects made per 1,000', digits: 2 },
    ],
    servers: ['lockgate', 'naive'],
    run: (server, settings) =>
      measureInside(server === 'naive' ? 'rule-naive' : 'rule-decision', settings),
  },
  {
    name: 'topic-match',
    title: 'Who gets a message among 1,000,000 subscriptions, a tenth with wildcards, per message',
    columns: [
      { key: 'matchUs', title: 'match and route us', digits: 2 },
      { key: 'receivers', title: 'receivers', digits: 1 },
      { key: 'bytes', title: 'bytes per subscription', digits: 0 },
      { key: 'fanOutNs', title: 'ns per delivery of 1,000', digits: 1 },
      { key: 'dearUs', title: 'dearest filters us', digits: 0 },
    ],
    servers: ['lockgate', 'list'],
    run: (server, settings) =>
      measureInside(server === 'list' ? 'topic-list' : 'topic-match', settings),
  },
  {
    name: 'session-store',
    title: 'Messages of MQTT sessions through the store, queued and done, per message',
    columns: [
      { key: 'cpuUs', title: 'CPU us', digits: 1 },
      { key: 'coreRate', title: 'per second and core', digits: 0 },
      { key: 'wallRate', title: '100 at a time, per second', digits: 0 },
      { key: 'loneRate', title: 'one at a time, per second', digits: 0 },
    ],
    servers: ['lockgate', 'row'],
    run: (server, settings) =>
      measureInside(server === 'row' ? 'sqlite-messages' : 'session-store', settings),
  },
  {
    name: 'history-append',
    title: 'Messages of channels into the history store, durable, per message',
    columns: [
      { key: 'cpuUs', title: 'CPU us', digits: 1 },
      { key: 'coreRate', title: '1,000 channels, per second and core', digits: 0 },
      { key: 'hotRate', title: 'one channel, per second and core', digits: 0 },
      { key: 'wallRate', title: '1,000 at a time, per second', digits: 0 },
      { key: 'loneRate', title: 'one at a time, per second', digits: 0 },
    ],
    servers: ['lockgate', 'row'],
    run: (server, settings) =>
      measureInside(server === 'row' ? 'sqlite-messages' : 'history-append', settings),
  },
  {
    name: 'history-page',
    title: 'Pages of 50 of 10,000,000 messages, anywhere in 1,000 channels, per page',
    columns: [
      { key: 'pageMs', title: 'median ms', digits: 2 },
      { key: 'p99Ms', title: 'p99 ms', digits: 2 },
      { key: 'messages', title: 'messages', digits: 0 },
    ],
    servers: ['lockgate'],
    runCount: 1,
    run: (_server, settings) => measureInside('history-page', settings),
  },
  {
    name: 'webhooks',
    title: 'Webhooks to a receiver on the other core, durable before acknowledged, per delivery',
    columns: [
      { key: 'cpuUs', title: 'CPU us', digits: 1 },
      { key: 'coreRate', title: 'per second and core', digits: 0 },
      { key: 'wallRate', title: 'per second', digits: 0 },
    ],
    servers: ['lockgate', 'post'],
    run: (server, settings) => measureInside(server === 'post' ? 'post' : 'webhooks', settings),
  },
]
