/** Tells other nodes how lineages have changed, and hears it of them: at most once, as the bus. */
import { isJsonObject, parseJsonObject } from '@lockgate/protocol/bytes'
import type { Broker } from '../../ports/broker.ts'
import type { ConnectionTokenRecord } from '../../ports/records/connection-token.ts'
import { recordOf } from './lineage.ts'
import type { LineageTable } from './lineage-table.ts'

const TOPIC = 'connection-tokens'
/** Our bound: a record is at most about 8 KiB, and a message 1 MiB. */
export const RECORDS_OF_MESSAGE_MAX = 100
/** The message, its list, a record, its ACL, and a list of it. */
const DEPTH_MAX = 6

export class LineageNews {
  readonly #broker: Broker
  readonly #stopListening: () => void

  constructor(broker: Broker, table: LineageTable) {
    this.#broker = broker
    this.#stopListening = broker.subscribe(TOPIC, (payload) => {
      for (const record of decodeNews(payload)) {
        // Of a node that has room for more than this one, the text of the token vouches.
        if (table.find(record.id) !== undefined || table.hasRoom(record.appId).ok) table.put(record)
      }
    })
  }

  tell(records: readonly ConnectionTokenRecord[]): void {
    if (!this.#broker.hasListeners(TOPIC)) return
    for (let at = 0; at < records.length; at += RECORDS_OF_MESSAGE_MAX) {
      const part = records.slice(at, at + RECORDS_OF_MESSAGE_MAX)
      this.#broker.publish(TOPIC, JSON.stringify({ records: part }))
    }
  }

  close(): void {
    this.#stopListening()
  }
}

/** Another node of ours wrote it; what is no whole record all the same is passed over. */
function decodeNews(payload: string): readonly ConnectionTokenRecord[] {
  const records = parseJsonObject(payload, DEPTH_MAX)?.['records']
  if (!Array.isArray(records)) return []
  return records.filter(isJsonObject).flatMap((each) => recordOf(each) ?? [])
}
