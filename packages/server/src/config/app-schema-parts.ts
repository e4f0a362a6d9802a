/** The settings of an app that belong to messages with history and to documents. */
import type { DocumentSettings, MessageSettings } from '../ports/records/app-settings.ts'
import type { SettingFor } from './settings.ts'

export const MESSAGE_SETTINGS: {
  readonly [K in keyof MessageSettings]: SettingFor<MessageSettings[K]>
} = {
  history: {
    type: 'list',
    of: 'retention',
    countMax: 20,
    default: ['** 7d'],
    does:
      'How long messages of channels are kept: a pattern and a time (`s`, `m`, `h`, `d`), or ' +
      '`off`; the first that fits decides, such as `logs:** 1h`.',
    prevents: 'Nothing is kept longer than somebody said it may be.',
  },
  historyBytesMax: {
    type: 'integer',
    unit: 'bytes',
    min: 1_048_576,
    max: 1_099_511_627_776,
    default: 1_073_741_824,
    does: 'The most that kept messages of this app may take; the oldest go first.',
    prevents: 'One app cannot fill the disk of the others.',
  },
  messageBytesMax: {
    type: 'integer',
    unit: 'bytes',
    min: 1,
    max: 1_048_576,
    default: 65_536,
    does: 'The largest data of one message on such a channel, as JSON text.',
    prevents: 'A single message cannot fill the queues of every subscriber.',
  },
  echo: {
    type: 'boolean',
    default: true,
    does: 'Whether publishers that are subscribed get their own messages.',
    prevents: 'Off, no client has to tell its own messages from those of others.',
  },
  presenceGraceMs: {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 120_000,
    default: 10_000,
    does: 'How long a member that lost its connection stays present.',
    prevents: 'A train in a tunnel does not tell everybody that its passengers left and came back.',
  },
  resumeMessageCountMax: {
    type: 'integer',
    unit: 'count',
    min: 0,
    max: 10_000,
    default: 1_000,
    does: 'The most messages of one channel that a client gets again when it reconnects.',
    prevents: 'Clients that come back after a restart do not ask for all history at once.',
  },
  resumeWindowMs: {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 86_400_000,
    default: 120_000,
    does: 'How far back a client that reconnects gets what it missed.',
    prevents: 'One that was away for a day loads history page by page instead.',
  },
  resumeTokens: {
    type: 'choice',
    values: ['client', 'server'],
    default: 'client',
    does:
      'Whether clients that reconnect say themselves what they had last, or the server names it ' +
      'and remembers what it sent.',
    prevents: '`client` is exact: only the client knows what reached it.',
  },
}

export const DOCUMENT_SETTINGS: {
  readonly [K in keyof DocumentSettings]: SettingFor<DocumentSettings[K]>
} = {
  documentPersistence: {
    type: 'boolean',
    default: false,
    does: 'Whether documents are kept when nobody has them open.',
    prevents: 'Off, nothing of a document is written to disk.',
  },
  documentRetentionDays: {
    type: 'integer',
    unit: 'days',
    min: 0,
    max: 3_650,
    default: 0,
    does: 'How long a kept document lasts that nobody opens; 0 keeps it for ever.',
    prevents: 'Forgotten documents do not fill the disk.',
  },
  documentBytesMax: {
    type: 'integer',
    unit: 'bytes',
    min: 1_024,
    max: 1_073_741_824,
    default: 67_108_864,
    does: 'The largest state of one document.',
    prevents: 'A document that grows without end stops growing.',
  },
  documentExpiry: {
    type: 'choice',
    values: ['enforce', 'handshake'],
    default: 'handshake',
    does:
      'Whether a connection of an editor ends 30 seconds after its token; with `handshake` it ' +
      'lasts, a day at most.',
    prevents: '`enforce` gives no access beyond the end of a token; revocation always closes.',
  },
  documentCloseCodes: {
    type: 'choice',
    values: ['wiresocket', 'http'],
    default: 'wiresocket',
    does: 'The close codes of editors that are refused: 4001 to 4009, or 4400 to 4429.',
    prevents: '`http` makes y-websocket stop where trying again cannot help.',
  },
  documentOriginRefusal: {
    type: 'choice',
    values: ['http', 'close'],
    default: 'http',
    does: 'Refuses an editor on a foreign origin with status 403, or with close code 4003.',
    prevents: 'With status 403 no connection is made at all.',
  },
}
