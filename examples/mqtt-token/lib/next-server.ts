/** Stands in for `next/server`, whose `NextResponse` is a `Response`. */
export const NextResponse = Response
