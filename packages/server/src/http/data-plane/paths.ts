/** What the data plane of documents answers (contract WireSocket 8). Loaded with every start. */

export type DataQuestion = 'discovery' | 'usage' | 'health'

const QUESTIONS: ReadonlyMap<string, DataQuestion> = new Map([
  ['/discovery', 'discovery'],
  ['/usage', 'usage'],
  ['/health', 'health'],
])

/**
 * @param path raw, without the configured prefix.
 * @returns undefined for a path that is served by somebody else; `/` shows a page to browsers.
 */
export function dataQuestion(path: string): DataQuestion | undefined {
  return QUESTIONS.get(path)
}
