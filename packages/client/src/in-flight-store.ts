/** What was sent and not acknowledged yet, kept by MQTT.js over reconnects. */
import mqtt, { type IStore } from 'mqtt'

/** @returns a store that outlives connections and marks what it gives back. */
export function inFlightStore(): IStore {
  const store = new mqtt.Store({ clean: false })
  const put = store.put.bind(store)
  // What comes out of the store is sent again, which MQTT.js does not say [MQTT-3.3.1-1].
  store.put = (packet, done) =>
    put(packet.cmd === 'publish' ? { ...packet, dup: true } : packet, done)
  return store
}
