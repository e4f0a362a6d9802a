/** Where a server listens. */

/** In the place of an address: nothing listens. */
export type NoListener = 'none'

export interface ListenAddress {
  readonly hostname: string
  /** 0 lets the system choose; the chosen one is in the `listening` log line. */
  readonly port: number
}

export type ListenConfig = {
  /** HTTP and every WebSocket protocol. */
  readonly http: ListenAddress
  /** The same over TLS; bound only when `tls` is given. */
  readonly https: ListenAddress
  /** MQTT over TCP. */
  readonly mqtt: ListenAddress | NoListener
  /** MQTT over TLS; bound only when `tls` is given. */
  readonly mqtts: ListenAddress | NoListener
  /** WebSockets of one protocol each; over TLS where `tls` is given. */
  readonly pusher: ListenAddress | NoListener
  readonly wsocket: ListenAddress | NoListener
  readonly yjs: ListenAddress | NoListener
  readonly mqttWebSocket: ListenAddress | NoListener
  /** Health and metrics. */
  readonly ops: ListenAddress
}
