/** The same rules as one would write it first: filled in, cut into levels, compared one by one. */
import { coversFilter, matchesTopic } from '@lockgate/protocol/mqtt/topic'
import { FILTERS, isExpected, RULES, SUBJECTS, TOPICS } from './rule-subjects.ts'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

type Fits = (filter: string, topic: string) => boolean

function decide(topics: readonly string[], index: number, fits: Fits): void {
  const at = index % topics.length
  const subject = SUBJECTS[at]
  const topic = topics[at] ?? ''
  const decided = RULES.find(({ filter }) => {
    const filled = filter
      .replaceAll('${user_id}', subject?.userId ?? '')
      .replaceAll('${client_id}', subject?.clientId ?? '')
    return fits(filled, topic)
  })
  if ((decided?.effect === 'allow') !== isExpected(at)) throw new Error('a wrong decision')
}

const published = await timeCalls(secondsAsked() / 2, (n) => decide(TOPICS, n, matchesTopic))
const subscribed = await timeCalls(secondsAsked() / 2, (n) => decide(FILTERS, n, coversFilter))
print({ publishUs: published.cpuUs, subscribeUs: subscribed.cpuUs })
