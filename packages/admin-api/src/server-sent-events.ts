/** Server-sent events, read as they come: HTML Living Standard §9.2.6. Pure but for its source. */

/** Our bound: one event, in characters. */
const EVENT_LENGTH_MAX = 1024 * 1024

export interface ServerSentEvent {
  /** The last id that was sent, with this event or before it. */
  readonly id: string | undefined
  /** `message` where none was named. */
  readonly event: string
  /** Undefined: only the id has changed. */
  readonly data: string | undefined
}

/**
 * @returns what was sent, events without data for their id included. One that is cut short is not.
 * @throws RangeError for an event above the bound.
 */
export async function* readServerSentEvents(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let id: string | undefined
  for await (const bytes of chunks) {
    rest += decoder.decode(bytes, { stream: true })
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const read = readBlock(block)
      id = read.id ?? id
      yield { ...read, id }
    }
    if (rest.length > EVENT_LENGTH_MAX) throw new RangeError('an event of the stream is too long')
  }
}

/** Lockgate ends lines with LF; comments and fields of other names are passed over. */
function readBlock(block: string): ServerSentEvent {
  let id: string | undefined
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? []
    if (name === 'id' && !value.includes('\0')) id = value
    if (name === 'event') event = value
    if (name === 'data') data.push(value)
  }
  return { id, event, data: data.length === 0 ? undefined : data.join('\n') }
}
