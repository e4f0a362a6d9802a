/** When to stop: signals, and the end of the process that started this one. */

/**
 * Our bound: signals this close together are one wish. A process group or a service manager sends
 * the signal to the launcher and to the server, and the launcher hands its own on.
 */
export const REPEAT_WINDOW_MS = 1_000
const LAUNCHER_CHECK_MS = 1_000

export interface StopActions {
  drain(reason: string): void
  /** Ends the process at once. */
  abort(): void
  /** Calls `action` after a while, unless the process ends before. */
  later(action: () => void, delayMs: number): void
}

/**
 * @returns what to call on each signal: the first drains; another one, once the window is over,
 * aborts.
 */
export function createStopSwitch(actions: StopActions): (reason: string) => void {
  let state: 'running' | 'asked' | 'draining' = 'running'
  return (reason) => {
    if (state === 'draining') return actions.abort()
    if (state === 'asked') return
    state = 'asked'
    actions.later(() => {
      state = 'draining'
    }, REPEAT_WINDOW_MS)
    actions.drain(reason)
  }
}

/**
 * Calls `gone` when the launcher has ended without taking this process along, as after SIGKILL.
 * @param launcherPid text of `LOCKGATE_LAUNCHER_PID`; anything but a process id watches nothing.
 */
export function watchLauncher(launcherPid: string | undefined, gone: () => void): void {
  if (launcherPid === undefined || !/^[1-9]\d{0,9}$/.test(launcherPid)) return
  const timer = setInterval(() => {
    if (process.ppid === Number(launcherPid)) return
    clearInterval(timer)
    gone()
  }, LAUNCHER_CHECK_MS)
  timer.unref()
}
