/**
 * Close codes of the Pusher protocol and what pusher-js does on each range: 4000-4099 gives up,
 * 4100-4199 retries after a second, 4200-4299 retries at once, 4300 and above gives up.
 * Codes of 4300 and above are therefore sent in `pusher:error` frames only.
 */
export const TLS_ONLY = 4000
export const APP_UNKNOWN = 4001
export const APP_DISABLED = 4003
export const OVER_QUOTA = 4004
export const PATH_UNKNOWN = 4005
export const VERSION_MALFORMED = 4006
export const PROTOCOL_UNSUPPORTED = 4007
export const PROTOCOL_MISSING = 4008
export const UNAUTHORIZED = 4009
export const OVER_CAPACITY = 4100
export const RECONNECT_NOW = 4200
export const PONG_MISSING = 4201
export const IDLE = 4202
export const CLIENT_EVENT_RATE = 4301
export const WATCHLIST_LONG = 4302
