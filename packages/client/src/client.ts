/**
 * Where applications enter: the client, its errors and the types of both. Its surface is that of
 * CloudSignal's client.
 */
import { CloudSignal } from './cloud-signal.ts'

export { ClientError } from './client-error.ts'
export type { ClientErrorCode } from './client-error.ts'
export type { ClientOptions, ConnectOptions, PresetName, Qos } from './client-options.ts'
export type { ConnectionState, TokenInfo } from './connection-state.ts'
export type { Message, Payload } from './message.ts'
export type { PublishOptions } from './publish-options.ts'
export type { RequestOptions } from './requests.ts'
export type { RequestHandler } from './responder.ts'
export type { MessageHandler, Subscription } from './subscriptions.ts'
export type {
  EndpointLogin,
  ExternalLogin,
  FetchedToken,
  SecretLogin,
  TokenLogin,
} from './token-source.ts'
export type { SubscribeOptions, TextHandler } from './cloud-signal.ts'
export { CloudSignal }

// The page that applications follow says `import CloudSignal from ...`: they change the name of
// the package and nothing else, so this one module has a default export.
export default CloudSignal
