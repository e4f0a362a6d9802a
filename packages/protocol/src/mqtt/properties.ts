/**
 * Properties of MQTT 5.0 packets (§2.2.2): one table says which packet may carry which, in what
 * form, and how often. Pure. The bound on user properties is ours.
 */
import { ok, refuse, type Result } from '../result.ts'
import { type ByteReader, type ByteWriter, utf8Size, variableIntegerSize } from './bytes.ts'
import type { DecodeRefusal } from './refusals.ts'

/** Our bound: a packet of a million empty user properties would cost far more than its bytes. */
export const USER_PROPERTY_COUNT_MAX = 64

export interface Properties {
  readonly payloadFormat?: number
  /** Seconds. */
  readonly messageExpiry?: number
  readonly contentType?: string
  readonly responseTopic?: string
  readonly correlationData?: Uint8Array
  /** Of a client one; a server may send several, which is why it is a list. */
  readonly subscriptionIds?: readonly number[]
  /** Seconds; 0xFFFFFFFF: never. */
  readonly sessionExpiry?: number
  readonly assignedClientId?: string
  /** Seconds. */
  readonly serverKeepAlive?: number
  readonly authenticationMethod?: string
  readonly authenticationData?: Uint8Array
  readonly requestProblemInformation?: number
  /** Seconds. */
  readonly willDelay?: number
  readonly requestResponseInformation?: number
  readonly responseInformation?: string
  readonly serverReference?: string
  readonly reasonString?: string
  readonly receiveMaximum?: number
  readonly topicAliasMaximum?: number
  readonly topicAlias?: number
  readonly maximumQos?: number
  readonly retainAvailable?: number
  /** In order, repetitions included (§3.3.2.3.7). */
  readonly userProperties?: readonly (readonly [name: string, value: string])[]
  readonly maximumPacketSize?: number
  readonly wildcardSubscriptionAvailable?: number
  readonly subscriptionIdAvailable?: number
  readonly sharedSubscriptionAvailable?: number
}

export const NO_PROPERTIES: Properties = Object.freeze({})

/** Where properties stand. A will's are apart from those of its CONNECT. */
export type PropertyPlace =
  | 'connect'
  | 'will'
  | 'connack'
  | 'publish'
  | 'acknowledgement'
  | 'subscribe'
  | 'suback'
  | 'unsubscribe'
  | 'disconnect'
  | 'auth'

type Name = keyof Properties
type Form = 'byte' | 'flag' | 'two' | 'four' | 'variable' | 'text' | 'binary' | 'pair'

interface Row {
  readonly id: number
  readonly name: Name
  readonly form: Form
  readonly places: readonly PropertyPlace[]
  /** Whether 0 is a protocol error (§3.1.2.11.3, §3.1.2.11.4, §3.8.2.1.2). */
  readonly isPositive?: true
}

const MESSAGE: readonly PropertyPlace[] = ['publish', 'will']
const CONNECTING: readonly PropertyPlace[] = ['connect', 'connack']
const ANSWERS: readonly PropertyPlace[] = [
  'connack',
  'acknowledgement',
  'suback',
  'disconnect',
  'auth',
]
const AUTHENTICATING: readonly PropertyPlace[] = ['connect', 'connack', 'auth']
const EVERYWHERE: readonly PropertyPlace[] = [
  ...ANSWERS,
  'connect',
  'publish',
  'will',
  'subscribe',
  'unsubscribe',
]

/** Table 2-4 of the specification. */
const ROWS: readonly Row[] = [
  { id: 0x01, name: 'payloadFormat', form: 'flag', places: MESSAGE },
  { id: 0x02, name: 'messageExpiry', form: 'four', places: MESSAGE },
  { id: 0x03, name: 'contentType', form: 'text', places: MESSAGE },
  { id: 0x08, name: 'responseTopic', form: 'text', places: MESSAGE },
  { id: 0x09, name: 'correlationData', form: 'binary', places: MESSAGE },
  {
    id: 0x0b,
    name: 'subscriptionIds',
    form: 'variable',
    places: ['publish', 'subscribe'],
    isPositive: true,
  },
  { id: 0x11, name: 'sessionExpiry', form: 'four', places: [...CONNECTING, 'disconnect'] },
  { id: 0x12, name: 'assignedClientId', form: 'text', places: ['connack'] },
  { id: 0x13, name: 'serverKeepAlive', form: 'two', places: ['connack'] },
  { id: 0x15, name: 'authenticationMethod', form: 'text', places: AUTHENTICATING },
  { id: 0x16, name: 'authenticationData', form: 'binary', places: AUTHENTICATING },
  { id: 0x17, name: 'requestProblemInformation', form: 'flag', places: ['connect'] },
  { id: 0x18, name: 'willDelay', form: 'four', places: ['will'] },
  { id: 0x19, name: 'requestResponseInformation', form: 'flag', places: ['connect'] },
  { id: 0x1a, name: 'responseInformation', form: 'text', places: ['connack'] },
  { id: 0x1c, name: 'serverReference', form: 'text', places: ['connack', 'disconnect'] },
  { id: 0x1f, name: 'reasonString', form: 'text', places: ANSWERS },
  { id: 0x21, name: 'receiveMaximum', form: 'two', places: CONNECTING, isPositive: true },
  { id: 0x22, name: 'topicAliasMaximum', form: 'two', places: CONNECTING },
  { id: 0x23, name: 'topicAlias', form: 'two', places: ['publish'] },
  { id: 0x24, name: 'maximumQos', form: 'flag', places: ['connack'] },
  { id: 0x25, name: 'retainAvailable', form: 'flag', places: ['connack'] },
  { id: 0x26, name: 'userProperties', form: 'pair', places: EVERYWHERE },
  { id: 0x27, name: 'maximumPacketSize', form: 'four', places: CONNECTING, isPositive: true },
  { id: 0x28, name: 'wildcardSubscriptionAvailable', form: 'flag', places: ['connack'] },
  { id: 0x29, name: 'subscriptionIdAvailable', form: 'flag', places: ['connack'] },
  { id: 0x2a, name: 'sharedSubscriptionAvailable', form: 'flag', places: ['connack'] },
]

const BY_ID: readonly (Row | undefined)[] = Array.from({ length: 0x2b }, (_, id) =>
  ROWS.find((row) => row.id === id),
)

type Value = number | string | Uint8Array | readonly [string, string]
type Draft = { -readonly [K in keyof Properties]: Properties[K] }

/**
 * Reads the length of properties and the properties.
 * @param place in a packet of a client.
 */
export function readProperties(
  reader: ByteReader,
  place: PropertyPlace,
): Result<Properties, DecodeRefusal> {
  const length = reader.variableInteger()
  if (length === 0) return ok(NO_PROPERTIES)
  if (length === undefined || length > reader.left) return refuse('malformed')
  const end = reader.at + length
  const draft: Draft = {}
  while (reader.at < end) {
    // The identifiers of today take one byte; a longer one is unknown (§2.2.2.2).
    const row = BY_ID[reader.byte() ?? 0]
    if (row === undefined) return refuse('malformed')
    if (!row.places.includes(place)) return refuse('protocol_error', `${row.name} is not for this`)
    const value = readValue(reader, row.form)
    if (value === undefined || reader.at > end) return refuse('malformed')
    const added = add(draft, row, value)
    if (!added.ok) return added
  }
  return ok(draft)
}

function readValue(reader: ByteReader, form: Form): Value | undefined {
  switch (form) {
    case 'byte':
    case 'flag':
      return reader.byte()
    case 'two':
      return reader.twoBytes()
    case 'four':
      return reader.fourBytes()
    case 'variable':
      return reader.variableInteger()
    case 'text':
      return reader.text()
    case 'binary':
      return reader.binary()
    case 'pair': {
      const name = reader.text()
      const value = name === undefined ? undefined : reader.text()
      return name === undefined || value === undefined ? undefined : [name, value]
    }
    default:
      return form satisfies never
  }
}

function add(
  draft: Draft,
  { name, form, isPositive }: Row,
  value: Value,
): Result<true, DecodeRefusal> {
  if (isPositive === true && value === 0) return refuse('protocol_error', `${name} is 0`)
  if (form === 'flag' && value !== 0 && value !== 1)
    return refuse('protocol_error', `${name} is 0 or 1`)
  if (name === 'userProperties') {
    const pairs = (draft.userProperties ?? []) as (readonly [string, string])[]
    if (pairs.length >= USER_PROPERTY_COUNT_MAX) return refuse('too_many_properties')
    pairs.push(value as readonly [string, string])
    draft.userProperties = pairs
    return ok(true)
  }
  // Only user properties may repeat in what a client sends (§2.2.2.2).
  if (draft[name] !== undefined) return refuse('protocol_error', `${name} is there twice`)
  Object.assign(draft, { [name]: name === 'subscriptionIds' ? [value] : value })
  return ok(true)
}

/** Writes the length of properties and the properties, in the order of the table. */
export function writeProperties(writer: ByteWriter, properties: Properties): void {
  writer.variableInteger(bodySizeOf(properties))
  if (properties === NO_PROPERTIES) return
  for (const { id, name, form } of ROWS) {
    const value = properties[name]
    if (value === undefined) continue
    for (const each of valuesOf(name, value)) {
      writer.byte(id)
      writeValue(writer, form, each)
    }
  }
}

/** @returns bytes of {@link writeProperties}. */
export function sizeOfProperties(properties: Properties): number {
  const size = bodySizeOf(properties)
  return variableIntegerSize(size) + size
}

function bodySizeOf(properties: Properties): number {
  if (properties === NO_PROPERTIES) return 0
  let size = 0
  for (const { name, form } of ROWS) {
    const value = properties[name]
    if (value === undefined) continue
    for (const each of valuesOf(name, value)) size += 1 + sizeOfValue(form, each)
  }
  return size
}

function valuesOf(name: Name, value: NonNullable<Properties[Name]>): readonly Value[] {
  const isList = name === 'userProperties' || name === 'subscriptionIds'
  return isList ? (value as readonly Value[]) : [value as Value]
}

function writeValue(writer: ByteWriter, form: Form, value: Value): void {
  switch (form) {
    case 'byte':
    case 'flag':
      return writer.byte(value as number)
    case 'two':
      return writer.twoBytes(value as number)
    case 'four':
      return writer.fourBytes(value as number)
    case 'variable':
      return writer.variableInteger(value as number)
    case 'text':
      return writer.text(value as string)
    case 'binary':
      return writer.binary(value as Uint8Array)
    case 'pair': {
      const [name, text] = value as readonly [string, string]
      writer.text(name)
      return writer.text(text)
    }
    default:
      form satisfies never
  }
}

function sizeOfValue(form: Form, value: Value): number {
  switch (form) {
    case 'byte':
    case 'flag':
      return 1
    case 'two':
      return 2
    case 'four':
      return 4
    case 'variable':
      return variableIntegerSize(value as number)
    case 'text':
      return 2 + utf8Size(value as string)
    case 'binary':
      return 2 + (value as Uint8Array).length
    case 'pair': {
      const [name, text] = value as readonly [string, string]
      return 4 + utf8Size(name) + utf8Size(text)
    }
    default:
      return form satisfies never
  }
}
