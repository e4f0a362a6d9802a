/**
 * React hooks: one client for as long as somebody is signed in, and subscriptions for as long as a
 * component is mounted. Effects that run twice (StrictMode) make one token and one connection.
 */
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { ClientError } from './client-error.ts'
import type { ClientOptions, Qos } from './client-options.ts'
import { CloudSignal } from './cloud-signal.ts'
import type { ConnectionState } from './connection-state.ts'
import type { MessageHandler } from './subscriptions.ts'
import type { TokenLogin } from './token-source.ts'

export interface LockgateSetup {
  /**
   * Who is signed in. Another key ends the client and makes another one; with the same key a new
   * external token or `fetchToken` is used for the next renewal, and the connection stays.
   */
  readonly key: string
  readonly options: ClientOptions
  readonly login: TokenLogin
}

export interface LockgateConnection {
  /** Undefined until the first effect, while nobody is signed in, and on a server. */
  readonly client: CloudSignal | undefined
  readonly state: ConnectionState
  /** Why it could not connect, or does not any more. */
  readonly error: ClientError | undefined
  /** Starts anew after an error. */
  readonly retry: () => void
}

interface Made {
  readonly client: CloudSignal | undefined
  readonly error: ClientError | undefined
}

const NOTHING: Made = { client: undefined, error: undefined }

/** @param setup undefined: nobody is signed in. */
export function useLockgate(setup: LockgateSetup | undefined): LockgateConnection {
  const newest = useRef(setup)
  newest.current = setup
  const [made, setMade] = useState<Made>(NOTHING)
  const [round, setRound] = useState(0)
  // Another one of either starts anew.
  const run = setup === undefined ? undefined : `${round} ${setup.key}`
  useEffect(() => {
    if (run === undefined) return undefined
    let isActive = true
    let client: CloudSignal | undefined
    const failed = (error: unknown) => {
      // What a handler of the application threw is an error of the page.
      if (!(error instanceof ClientError)) throw error
      if (isActive) setMade({ client, error })
    }
    // An effect that is undone at once has asked nobody for a token.
    queueMicrotask(() => {
      const current = newest.current
      if (!isActive || current === undefined) return
      try {
        client = new CloudSignal(current.options)
        client.onAuthError = failed
        client.onError = failed
        setMade({ client, error: undefined })
        client.connectWithToken(latest(current.login, newest)).catch(failed)
      } catch (error) {
        failed(error)
      }
    })
    return () => {
      isActive = false
      client?.destroy()
      setMade(NOTHING)
    }
  }, [run])
  const state = useConnectionState(made.client)
  const retry = useCallback(() => setRound((count) => count + 1), [])
  return { ...made, state, retry }
}

/** The state of a client, rendered anew with each change. */
export function useConnectionState(client: CloudSignal | undefined): ConnectionState {
  const watch = useCallback(
    (changed: () => void) => client?.watch(changed) ?? (() => undefined),
    [client],
  )
  const read = () => client?.state ?? 'disconnected'
  return useSyncExternalStore(watch, read, () => 'disconnected')
}

export interface SubscriptionState {
  readonly isGranted: boolean
  /** `not_authorized` where the rules deny the filter. */
  readonly error: ClientError | undefined
}

/**
 * Subscribes while the component is mounted. The newest handler gets each message; another handler
 * asks the broker for nothing.
 * @param filter undefined: none now.
 */
export function useSubscription(
  client: CloudSignal | undefined,
  filter: string | undefined,
  { handler, qos }: { readonly handler: MessageHandler; readonly qos?: Qos },
): SubscriptionState {
  const newest = useRef(handler)
  newest.current = handler
  const [state, setState] = useState<SubscriptionState>(PENDING)
  useEffect(() => {
    if (client === undefined || filter === undefined) return undefined
    let isActive = true
    const options = qos === undefined ? {} : { qos }
    const held = client.subscribe(filter, (message) => newest.current(message), options)
    held.then(
      () => {
        if (isActive) setState({ isGranted: true, error: undefined })
      },
      (error: unknown) => {
        const known = error instanceof ClientError ? error : new ClientError('subscribe_refused')
        if (isActive) setState({ isGranted: false, error: known })
      },
    )
    return () => {
      isActive = false
      setState(PENDING)
      // What was never granted, or is gone with its client, has nothing left to end.
      held.then((subscription) => subscription.unsubscribe()).catch((error: unknown) => void error)
    }
  }, [client, filter, qos])
  return state
}

const PENDING: SubscriptionState = { isGranted: false, error: undefined }

/** The login of the moment a token is needed, not that of the first render. */
function latest(
  login: TokenLogin,
  newest: { readonly current: LockgateSetup | undefined },
): TokenLogin {
  const now = () => newest.current?.login ?? login
  if ('fetchToken' in login) {
    const fetchToken = () => {
      const current = now()
      return 'fetchToken' in current ? current.fetchToken() : login.fetchToken()
    }
    return { ...login, fetchToken }
  }
  if (!('externalToken' in login)) return login
  const externalToken = () => {
    const current = now()
    const token = 'externalToken' in current ? current.externalToken : login.externalToken
    return typeof token === 'function' ? token() : token
  }
  return { ...login, externalToken }
}
