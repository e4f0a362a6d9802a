/** Answers requests (contract of CloudSignal clients 5; MQTT 5.0 §4.10). */
import type { Message, Payload } from './message.ts'
import { type PublishOptions, withFields } from './publish-options.ts'
import { correlationFields } from './requests.ts'

/** @returns the answer; undefined: none. */
export type RequestHandler = (
  message: Message,
) => Payload | undefined | Promise<Payload | undefined>

export interface Answer {
  readonly topic: string
  readonly payload: Payload
  readonly options: PublishOptions
}

/** Asks the handler. @returns what to publish, for a message that wants an answer and got one. */
export async function answerTo(
  message: Message,
  handler: RequestHandler,
): Promise<Answer | undefined> {
  const fields = correlationFields(message)
  const topic = message.responseTopic ?? fields.responseTopic
  const payload = await handler(message)
  if (payload === undefined || topic === undefined) return undefined
  const { correlationData, userProperties } = message
  const named = userProperties['correlationId']
  const correlationId = typeof named === 'string' ? named : fields.correlationId
  // An asker without properties finds its question by a field.
  const isByField = correlationData === undefined && correlationId !== undefined
  return {
    topic,
    payload: isByField ? withFields(payload, { correlationId }) : payload,
    options: {
      qos: 1,
      ...(correlationData === undefined ? {} : { correlationData }),
      ...(correlationId === undefined ? {} : { userProperties: { correlationId } }),
    },
  }
}
