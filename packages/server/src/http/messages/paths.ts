/** Where channels with history are served over HTTP. Loaded with every start: imports nothing. */

export interface MessagePath {
  readonly appId: string
  /** Still encoded. */
  readonly channelText: string
  readonly resource: 'messages' | 'presence'
}

/** Escaped, a name of 200 characters has 600. */
const PATH = /^\/api\/apps\/([A-Za-z0-9_-]{1,64})\/channels\/([^/]{1,600})\/(messages|presence)$/

/**
 * @param path raw, without the configured prefix.
 * @returns undefined for a path that is served by somebody else.
 */
export function messagePath(path: string): MessagePath | undefined {
  const [, appId, channelText, resource] = PATH.exec(path) ?? []
  if (appId === undefined || channelText === undefined) return undefined
  if (resource !== 'messages' && resource !== 'presence') return undefined
  return { appId, channelText, resource }
}
