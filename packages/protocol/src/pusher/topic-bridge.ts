/**
 * A declared bridge between topics of MQTT and channels of Pusher, as text:
 * `rooms/+/chat <-> private-room-$1 message qos=1`. The text of the first `+` is what stands for
 * `$1` in the channel. What a bridge maps, it maps back to the same; what it could not, it leaves
 * alone. Pure; every step takes time linear in the length of a name.
 */
import { isTopicFilter } from '../mqtt/topic.ts'
import { ok, refuse, type Result } from '../result.ts'
import { type ChannelName, parseChannelName } from './channel-name.ts'

/** Our bound on one declaration. */
export const BRIDGE_CHARACTERS_MAX = 600
/** Placeholders have one digit. */
const WILDCARD_COUNT_MAX = 9

const BRIDGE = /^(\S(?:.*\S)?) (<->|->|<-) (\S+) (\S{1,200})(?: qos=([012]))?$/
const RESERVED_TOPIC = /^\$(?:SYS|share)(?:\/|$)/
const RESERVED_EVENT = /^pusher(?:_internal)?:/
const PLACEHOLDER = /\$([0-9])/g

export interface TopicBridge {
  /** Topic levels; `+` is what a placeholder of the channel stands for. */
  readonly levels: readonly string[]
  /** Texts of the channel around its placeholders: one more than there are of them. */
  readonly literals: readonly string[]
  /** For each placeholder in the order of the channel, the level it stands for. */
  readonly levelOf: readonly number[]
  readonly kind: ChannelName['kind']
  readonly isCache: boolean
  readonly event: string
  /** What events are published at as messages of MQTT. */
  readonly qos: 0 | 1 | 2
  readonly isToPusher: boolean
  readonly isToMqtt: boolean
}

type Parsed<T> = Result<T, 'bridge_invalid'>

/** @returns the bridge, or what is wrong with it; quotes nothing of the text. */
export function parseBridge(text: string): Parsed<TopicBridge> {
  const [matched, filter = '', arrow, pattern = '', event = '', qos = '1'] =
    text.length > BRIDGE_CHARACTERS_MAX ? [] : (BRIDGE.exec(text) ?? [])
  if (matched === undefined) return invalid('this is not a topic, an arrow, a channel and an event')
  if (!isTopicFilter(filter) || /#/.test(filter) || RESERVED_TOPIC.test(filter)) {
    return invalid('the topic has no wildcard but `+`, and is not below $SYS and $share')
  }
  if (RESERVED_EVENT.test(event)) return invalid('only the server sends events of this name')
  const levels = filter.split('/')
  const wildcards = levels.flatMap((level, at) => (level === '+' ? [at] : []))
  const named = [...pattern.matchAll(PLACEHOLDER)].map(([, digit]) => Number(digit))
  if (wildcards.length > WILDCARD_COUNT_MAX || !isPermutation(named, wildcards.length)) {
    return invalid('each `+` of the topic stands once in the channel, as $1 to $9')
  }
  const literals = pattern.split(/\$[0-9]/)
  if (literals.slice(1, -1).includes('')) return invalid('something stands between placeholders')
  const channel = parseChannelName(literals.join('x'))
  if (!channel.ok) return invalid('the channel has no such characters')
  const { kind, isCache } = channel.value
  if (kind === 'encrypted' || kind === 'user') {
    return invalid('the channel is public, private or presence')
  }
  return ok({
    ...{ levels, literals, kind, isCache, event },
    levelOf: named.map((number) => wildcards[number - 1] ?? 0),
    qos: qos === '0' ? 0 : qos === '2' ? 2 : 1,
    isToPusher: arrow !== '<-',
    isToMqtt: arrow !== '->',
  })
}

/**
 * Whether bridges can stand beside each other: no message goes over two of them.
 * @returns the place of the first that cannot; undefined: all can.
 */
export function overlappingBridge(bridges: readonly TopicBridge[]): number | undefined {
  const at = bridges.findIndex((bridge, index) =>
    bridges.slice(0, index).some((before) => doOverlap(before, bridge)),
  )
  return at < 0 ? undefined : at
}

/**
 * @returns the channel of a topic; undefined: it is none of the bridge's; `unfit`: it is, and no
 * channel stands for it and for nothing else.
 */
export function channelOfTopic(
  bridge: TopicBridge,
  topic: string,
): ChannelName | 'unfit' | undefined {
  const { levels, literals, levelOf, kind, isCache } = bridge
  // Wildcards at the beginning leave out what begins with `$` [MQTT-4.7.2-1].
  if (levels[0] === '+' && topic.startsWith('$')) return undefined
  const texts = topic.split('/')
  if (texts.length !== levels.length) return undefined
  if (!levels.every((level, at) => level === '+' || level === texts[at])) return undefined
  const name = literals.reduce((text, literal, at) => text + texts[levelOf[at - 1] ?? 0] + literal)
  const channel = parseChannelName(name)
  // A level may be such that another kind of channel, or another topic, would be meant.
  if (!channel.ok || channel.value.kind !== kind || channel.value.isCache !== isCache) {
    return 'unfit'
  }
  return topicOfChannel(bridge, name) === topic ? channel.value : 'unfit'
}

/** @returns the topic of a channel; undefined: it is none of the bridge's. */
export function topicOfChannel(
  { levels, literals, levelOf, kind, isCache }: TopicBridge,
  name: string,
): string | undefined {
  const channel = parseChannelName(name)
  if (!channel.ok || channel.value.kind !== kind || channel.value.isCache !== isCache) {
    return undefined
  }
  const texts = split(name, literals)
  if (texts === undefined) return undefined
  const filled = [...levels]
  texts.forEach((text, at) => {
    filled[levelOf[at] ?? 0] = text
  })
  return filled.join('/')
}

/** @returns what stands between literals, each found as early as it can be; never empty. */
function split(name: string, literals: readonly string[]): readonly string[] | undefined {
  const [first = '', ...rest] = literals
  if (rest.length === 0) return name === first ? [] : undefined
  if (!name.startsWith(first)) return undefined
  const texts: string[] = []
  let at = first.length
  for (const [index, literal] of rest.entries()) {
    const isLast = index === rest.length - 1
    const end = isLast ? name.length - literal.length : name.indexOf(literal, at + 1)
    if (end <= at || (isLast && !name.endsWith(literal))) return undefined
    texts.push(name.slice(at, end))
    at = end + literal.length
  }
  return texts
}

function isPermutation(numbers: readonly number[], count: number): boolean {
  if (numbers.length !== count || new Set(numbers).size !== count) return false
  return numbers.every((number) => number >= 1 && number <= count)
}

function doOverlap(one: TopicBridge, other: TopicBridge): boolean {
  if (one.isToPusher && other.isToPusher && haveCommonTopic(one.levels, other.levels)) return true
  const isSameWay = one.isToMqtt && other.isToMqtt && one.event === other.event
  return isSameWay && haveCommonChannel(tokensOf(one), tokensOf(other))
}

function haveCommonTopic(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false
  return one.every((level, at) => level === '+' || other[at] === '+' || level === other[at])
}

const ANY = 'any'
const MORE = 'more'

/** One for each character; a placeholder is any character, and as many more as there are. */
function tokensOf({ literals }: TopicBridge): readonly string[] {
  return literals.flatMap((literal, at) => [...(at === 0 ? [] : [ANY, MORE]), ...literal.split('')])
}

/** Whether some text fits both; by table, from the ends to the beginnings. */
function haveCommonChannel(one: readonly string[], other: readonly string[]): boolean {
  let below: boolean[] = []
  for (let i = one.length; i >= 0; i--) {
    const row: boolean[] = []
    for (let j = other.length; j >= 0; j--) {
      const a = one[i]
      const b = other[j]
      if (a === undefined && b === undefined) row[j] = true
      else if (a === MORE) row[j] = below[j] === true || (b !== undefined && row[j + 1] === true)
      else if (b === MORE) row[j] = row[j + 1] === true || (a !== undefined && below[j] === true)
      else {
        const isFit = a !== undefined && b !== undefined && (a === b || a === ANY || b === ANY)
        row[j] = isFit && below[j + 1] === true
      }
    }
    below = row
  }
  return below[0] === true
}

function invalid(detail: string) {
  return refuse('bridge_invalid' as const, detail)
}
