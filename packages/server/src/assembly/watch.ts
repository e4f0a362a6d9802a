/** Puts together what shows events to those who watch. */
import type { LiveEvents } from '../core/live-events.ts'
import type { Authority } from '../credentials/authority.ts'
import { EventJournal } from '../outbound/watch/event-journal.ts'
import { Watchers } from '../outbound/watch/watchers.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

export function openWatch(
  events: LiveEvents,
  authority: Pick<Authority, 'onChange'>,
  ports: { readonly clock: Clock; readonly random: Random },
): Watchers {
  const journal = new EventJournal(ports.random)
  events.listen(journal)
  const watchers = new Watchers(journal, ports.clock)
  // A key that is revoked sees nothing more, as fast as connections end.
  authority.onChange(() => watchers.check())
  return watchers
}
