/**
 * Questions that wait for their answer (contract of CloudSignal clients 5; MQTT 5.0 §4.10).
 * Answers are told apart by correlation data, else by a user property, else by a field of JSON.
 */
import { ClientError } from './client-error.ts'
import type { Message, Payload } from './message.ts'
import { type PublishOptions, type UserProperties, withFields } from './publish-options.ts'
import type { System } from './system.ts'

/** Our bound on questions that wait at once. */
export const PENDING_COUNT_MAX = 1_000
const COUNTER_MAX = 10_000
const RANDOM_BASE = 36

interface Pending {
  readonly resolve: (answer: Message) => void
  readonly reject: (error: unknown) => void
  readonly stop: () => void
}

export interface RequestOptions {
  readonly timeoutMs?: number
  readonly userProperties?: UserProperties
}

export interface RequestPort {
  readonly clientId: string
  /** Answers arrive there. @throws ClientError */
  readonly subscribe: (topic: string) => Promise<unknown>
  readonly publish: (topic: string, payload: Payload, options: PublishOptions) => Promise<void>
}

export class Requests {
  readonly #system: System
  readonly #pending = new Map<string, Pending>()
  #counter = 0
  /** The response topic is subscribed to when it is first needed. */
  #ready: Promise<unknown> | undefined

  constructor(system: System) {
    this.#system = system
  }

  /** @throws ClientError */
  async ask(
    port: RequestPort,
    { topic, payload }: { readonly topic: string; readonly payload: Payload },
    { timeoutMs = 0, userProperties }: RequestOptions,
  ): Promise<Message> {
    const responseTopic = `response/${port.clientId}`
    const correlationId = this.#newId()
    // Time without a connection counts.
    const answer = this.#await(correlationId, timeoutMs)
    const send = async () => {
      await this.#subscribed(port, responseTopic)
      if (!this.#pending.has(correlationId)) return
      await port.publish(topic, withFields(payload, fieldsOf(correlationId, responseTopic)), {
        qos: 1,
        responseTopic,
        correlationData: new TextEncoder().encode(correlationId),
        userProperties: { ...userProperties, correlationId, senderId: port.clientId },
      })
    }
    send().catch((error: unknown) => this.#fail(correlationId, error))
    return answer
  }

  /** @returns whether it was the answer to a question. */
  take(message: Message): boolean {
    // A question that this client asks itself is no answer yet.
    if (message.responseTopic !== undefined || this.#pending.size === 0) return false
    for (const id of idsOf(message)) {
      const pending = this.#pending.get(id)
      if (pending === undefined) continue
      this.#pending.delete(id)
      pending.stop()
      pending.resolve(message)
      return true
    }
    return false
  }

  close(error: ClientError): void {
    this.#ready = undefined
    for (const id of [...this.#pending.keys()]) this.#fail(id, error)
  }

  async #subscribed(port: RequestPort, responseTopic: string): Promise<void> {
    const ready = this.#ready ?? port.subscribe(responseTopic)
    this.#ready = ready
    try {
      await ready
    } catch (error) {
      if (this.#ready === ready) this.#ready = undefined
      throw error
    }
  }

  #newId(): string {
    if (this.#pending.size >= PENDING_COUNT_MAX) {
      const reason = `${PENDING_COUNT_MAX} requests wait at most`
      throw new ClientError('too_many', { reason })
    }
    this.#counter = (this.#counter + 1) % COUNTER_MAX
    const random = this.#system.random().toString(RANDOM_BASE).slice(2)
    return `req_${String(this.#counter).padStart(4, '0')}_${random}`
  }

  #await(correlationId: string, timeoutMs: number): Promise<Message> {
    return new Promise<Message>((resolve, reject) => {
      const stop = this.#system.after(timeoutMs, () => {
        this.#fail(correlationId, new ClientError('request_timeout'))
      })
      this.#pending.set(correlationId, { resolve, reject, stop })
    })
  }

  #fail(correlationId: string, error: unknown): void {
    const pending = this.#pending.get(correlationId)
    this.#pending.delete(correlationId)
    pending?.stop()
    pending?.reject(error)
  }
}

/** For responders without properties: the contract's names. */
function fieldsOf(_correlationId: string, _responseTopic: string) {
  return { _correlationId, _responseTopic }
}

/** Under which names a message can belong to a question, surest first. */
function idsOf(message: Message): string[] {
  const { correlationData, userProperties } = message
  const named = userProperties['correlationId']
  const ids = [
    correlationData && new TextDecoder().decode(correlationData),
    typeof named === 'string' ? named : undefined,
    ...Object.values(correlationFields(message)),
  ]
  return ids.filter((id) => typeof id === 'string')
}

/** What MQTT 3.1.1 has no properties for stands in the payload, where that is an object. */
export function correlationFields(message: Message): {
  readonly correlationId?: string | undefined
  readonly responseTopic?: string | undefined
} {
  if (!message.text().startsWith('{')) return {}
  try {
    const fields = message.json() as Readonly<Record<string, unknown>>
    const id = fields['correlationId'] ?? fields['correlation_id'] ?? fields['_correlationId']
    const topic = fields['_responseTopic']
    return {
      correlationId: typeof id === 'string' ? id : undefined,
      responseTopic: typeof topic === 'string' ? topic : undefined,
    }
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}
