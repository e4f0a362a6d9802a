/** Newline-delimited JSON, read as it comes. Pure but for what it reads from. */

/** Our bound: one line of a stream, in characters. */
const LINE_LENGTH_MAX = 1024 * 1024

/**
 * @returns the value of each line; empty lines are left out.
 * @throws SyntaxError for a line that is no JSON, the last one cut short included; RangeError for a
 * line above the bound.
 */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of chunks) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as unknown
    if (rest.length > LINE_LENGTH_MAX) throw new RangeError('a line of the stream is too long')
  }
  rest += decoder.decode()
  if (rest.trim() !== '') yield JSON.parse(rest) as unknown
}
